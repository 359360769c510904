//! Reads images as a container runtime does: archives, layouts, root file systems, layers and their merge.
