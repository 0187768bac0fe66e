# How everything is compiled. A preset says only what differs: ROUSE_FLAGS, ROUSE_SANITIZE, ROUSE_FUZZ.
set(ROUSE_FLAGS "-O2" CACHE STRING "Optimisation and debug flags")
set(ROUSE_SANITIZE "" CACHE STRING "Value of -fsanitize=, empty for none")
# ALL of them, or only those that say OPTIMISED: they do more where they are quick.
set(ROUSE_UNIT_TESTS "OPTIMISED" CACHE STRING "Which unit tests are built: ALL or OPTIMISED")
option(ROUSE_FUZZ "Build the fuzz targets with libFuzzer (needs clang)" OFF)

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)

# NDEBUG is never set: assertions of invariants are cheap and stay on, and so do the library's bounds checks.
# Boost's own are tested by Boost and sit on the hot path of the relay.
add_compile_options(${ROUSE_FLAGS} -Wall -Wextra -Wshadow -Wconversion -Werror -fstack-protector-strong)
add_compile_definitions(_GLIBCXX_ASSERTIONS BOOST_DISABLE_ASSERTS)
add_link_options(-fuse-ld=lld -Wl,--as-needed)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fpch-preprocess) # lets ccache see through precompiled headers
endif()

if(ROUSE_SANITIZE)
  add_compile_options(-fsanitize=${ROUSE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${ROUSE_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-maybe-uninitialized) # false alarms from instrumented code
  endif()
endif()
if(ROUSE_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "libFuzzer comes with clang: configure with ./box cmake --preset asan")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Compilations are cached across presets, checkouts and `make clean`.
find_program(ROUSE_CCACHE ccache)
if(ROUSE_CCACHE)
  if(DEFINED ENV{CCACHE_DIR})
    set(cache_folder "$ENV{CCACHE_DIR}")
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(cache_folder "$ENV{XDG_CACHE_HOME}/rouse/ccache")
  else()
    set(cache_folder "$ENV{HOME}/.cache/rouse/ccache")
  endif()
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ROUSE_CCACHE} cache_dir=${cache_folder} max_size=5G base_dir=${PROJECT_SOURCE_DIR}
      sloppiness=pch_defines,time_macros,include_file_mtime,include_file_ctime)
endif()
