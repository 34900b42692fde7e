// Holds the shared precompiled header of the IR side; see StcMlir.cmake.
