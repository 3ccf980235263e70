# 64 bits, big-endian, `char` unsigned.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR s390x)
set(CMAKE_C_COMPILER s390x-linux-gnu-gcc)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static) # so that the emulator needs no foreign libraries
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-s390x)
