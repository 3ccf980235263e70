# 64 bits, little-endian, `char` unsigned.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static) # so that the emulator needs no foreign libraries
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
