"""What happens in the cluster: a file per meaning, scalar code about one replica."""
