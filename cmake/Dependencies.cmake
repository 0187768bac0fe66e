# Everything comes from the distribution's packages (box.packages), nothing is downloaded while building. Boost, spdlog,
# libyaml and SQLite become part of the program: every library that has to be found at its start takes a tenth of a millisecond.
set(Boost_USE_STATIC_LIBS ON)
foreach(package Boost fmt spdlog glaze CLI11 OpenSSL prometheus-cpp Catch2 rapidcheck benchmark)
  set(components)
  if(package STREQUAL "Boost")
    set(components 1.90 CONFIG COMPONENTS headers url process)
  elseif(package STREQUAL "prometheus-cpp")
    set(components CONFIG COMPONENTS core)
  elseif(package STREQUAL "Catch2")
    set(components 3)
  endif()
  find_package(${package} ${components} QUIET)
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "${package} is missing or too old. Build inside the box, which has it: make build, or ./box cmake …")
  endif()
endforeach()
find_library(LIBYAML libyaml.a REQUIRED)
add_library(libyaml STATIC IMPORTED)
set_target_properties(libyaml PROPERTIES IMPORTED_LOCATION ${LIBYAML})
find_library(LIBSQLITE libsqlite3.a REQUIRED)
add_library(sqlite STATIC IMPORTED)
set_target_properties(sqlite PROPERTIES IMPORTED_LOCATION ${LIBSQLITE})
include(Catch)
find_package(Python3 REQUIRED COMPONENTS Interpreter)

# Two precompiled headers: the standard library's for everybody; Boost.Asio's and Beast's for those who ask.
set(folder ${PROJECT_SOURCE_DIR}/cmake/precompiled)
add_library(rouse_standard OBJECT ${folder}/standard.cpp)
target_precompile_headers(rouse_standard PRIVATE ${folder}/standard.hpp)

# The non-template halves of Asio and Beast are compiled once, in asio_library.cpp. Whoever links rouse_asio has
# exactly the definitions that the precompiled header was made with.
add_library(rouse_asio STATIC ${folder}/asio.cpp ${folder}/asio_library.cpp)
target_link_libraries(rouse_asio PUBLIC Boost::headers Boost::url Boost::process)
target_compile_definitions(rouse_asio PUBLIC BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION
                                             BOOST_BEAST_SEPARATE_COMPILATION
                                             # Frames of coroutines kept for the next ones: a request has a dozen.
                                             BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=32)
target_precompile_headers(rouse_asio PRIVATE ${folder}/asio.hpp)
set_source_files_properties(${folder}/asio_library.cpp PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
