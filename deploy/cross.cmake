# Debian's cross compiler for -DMACHINE=aarch64, with that machine's libraries as Debian installs them beside our own.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES MACHINE)
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${MACHINE})
set(CMAKE_C_COMPILER ${MACHINE}-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER ${MACHINE}-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE ${MACHINE}-linux-gnu)
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/${MACHINE}-linux-gnu/pkgconfig:/usr/share/pkgconfig)
