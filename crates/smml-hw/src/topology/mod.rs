//! Graphs of sparse Ising machines: king's graph, Chimera, Pegasus and Zephyr of any size.
