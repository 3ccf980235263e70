/* The version of programs, libraries and packages. CMake reads it here. */
#ifndef KAYA_TOOLS_VERSION_H
#define KAYA_TOOLS_VERSION_H

#define KAYA_VERSION "0.1.0"

#endif
