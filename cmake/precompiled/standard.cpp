// Empty on purpose: CMake makes a precompiled header for a source that uses it, and this one does.
