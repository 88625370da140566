"""What happens on the machine: a file per meaning, scalar code about one replica."""
