"""Function-preserving edits of networks (Net2Net: Chen et al., ICLR 2016), over torch.fx.

    edit = deepen_identity(module, "act0", example, calibration=batch)
    optimiser = edit.surgery.apply(optimiser, module, edit.module)

Every operator returns a new module and the surgery of an optimiser's state, or raises `Refused`
with the reason. Edited modules are graph modules: further edits of them need no tracing.
"""
from envs.net2net.operators.counting import counts
from envs.net2net.operators.deepen import deepen_identity, deepen_residual_zero, remove
from envs.net2net.operators.distillation import distil, distillation_loss
from envs.net2net.operators.draft import Edit
from envs.net2net.operators.kernels import crop, kernel_grow
from envs.net2net.operators.merge import merge
from envs.net2net.operators.refused import Refused
from envs.net2net.operators.surgery import Surgery
from envs.net2net.operators.tracing import private_copy
from envs.net2net.operators.widen import widen

__all__ = ["Edit", "Refused", "Surgery", "counts", "crop", "deepen_identity",
           "deepen_residual_zero", "distil", "distillation_loss", "kernel_grow", "merge",
           "private_copy", "remove", "widen"]
