"""VoxCPM: a voice that can be copied from a recording, in three generations, through the voxcpm package's own code."""
