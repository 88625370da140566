"""Random networks, written as the shared ones are."""
from hypothesis import strategies as st

SIDE = 8


class Growing:
    """A list of nodes that grows; knows channels and side of the last value."""

    def __init__(self, draw, channels):
        self.draw, self.nodes = draw, []
        self.value, self.channels, self.side = "x", channels, SIDE

    def add(self, op, value=None, **more):
        """Append a node that reads a value, the last one by default."""
        inputs = value if isinstance(value, list) else [value or self.value]
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append({"name": name, "op": op, "input": inputs} | more)
        self.value = name
        return name

    def conv(self, value=None, out=None, kernel=None, stride=1, groups=1):
        """A convolution that keeps the pixels but for its stride."""
        kernel = kernel or self.draw(st.sampled_from([1, 3, 5]))
        self.channels = out or self.draw(st.sampled_from([2, 4, 6]))
        self.side = (self.side - 1) // stride + 1
        return self.add("conv2d", value, out=self.channels, kernel=kernel, stride=stride,
                        padding=kernel // 2, groups=groups, bias=self.draw(st.booleans()))

    def finish_block(self):
        """Perhaps a normalisation, and an activation."""
        norm = self.draw(st.sampled_from(["", "batchnorm2d", "batchnorm2d", "groupnorm"]))
        if norm:
            self.add(norm, **({"groups": 2} if norm == "groupnorm" else {}))
        self.add(self.draw(st.sampled_from(["relu", "relu", "relu", "gelu", "tanh"])))

    def plain(self):
        """A convolution, perhaps with a stride, and a pooling behind it."""
        self.conv(stride=self.draw(st.sampled_from([1, 1, 2])))
        self.finish_block()
        if self.side >= 2 and self.draw(st.booleans()):
            self.add(self.draw(st.sampled_from(["maxpool2d", "avgpool2d"])), kernel=2)
            self.side //= 2

    def depthwise(self):
        """A depthwise convolution behind its producer."""
        self.conv()
        self.finish_block()
        self.conv(out=self.channels, groups=self.channels, kernel=3)
        self.finish_block()

    def residual(self):
        """Two convolutions beside a way around them."""
        self.conv()
        self.finish_block()
        start, channels = self.value, self.channels
        self.conv()
        self.finish_block()
        self.conv(out=channels)
        self.add("add", [self.value, start] if self.draw(st.booleans()) else [start, self.value])
        self.add("relu")

    def fork(self):
        """Two convolutions side by side, joined."""
        start = self.value
        left, channels = self.conv(start), self.channels
        right = self.conv(start)
        self.add("concat", [left, right])
        self.channels += channels
        self.finish_block()


@st.composite
def networks(draw):
    """A network of one to three parts, a head and at most one hidden linear layer."""
    channels = draw(st.sampled_from([1, 3]))
    net = Growing(draw, channels)
    for part in draw(st.lists(st.sampled_from(["plain", "depthwise", "residual", "fork"]),
                              min_size=1, max_size=3)):
        getattr(net, part)()
    net.add(draw(st.sampled_from(["flatten", "globalavgpool"])))
    if draw(st.booleans()):
        net.add("linear", out=5, bias=True)
        net.add("relu")
    net.add("linear", out=4, bias=True)
    return {"input_shape": [channels, SIDE, SIDE], "nodes": net.nodes, "output": net.value}
