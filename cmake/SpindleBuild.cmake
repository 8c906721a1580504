# How Spindle is built: the language, the warnings, the sanitizers, and the three helpers that every folder uses:
#   spindle_layer(NAME [DEPENDS layer...] [LIBRARIES target...])     a layer = a library and its headers
#   spindle_program(NAME [LOADS_POLICIES] SOURCES file... LIBRARIES target...)    what people run
#   spindle_test(NAME [SOURCES file...] [LIBRARIES target...] ...)   a test program of tests/

include(GNUInstallDirs)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

option(SPINDLE_BUILD_TESTS "Build the tests" ON)
option(SPINDLE_BUILD_BENCHMARKS "Build the benchmarks" OFF)
option(SPINDLE_THREAD_ONLY "Build the thread library alone, without what only the rest needs" OFF)
set(SPINDLE_CONTEXT "assembly" CACHE STRING "How threads switch: assembly (x86-64 and AArch64; others have ucontext) or ucontext")
set_property(CACHE SPINDLE_CONTEXT PROPERTY STRINGS assembly ucontext)
if(NOT SPINDLE_CONTEXT MATCHES "^(assembly|ucontext)$")
  message(FATAL_ERROR "SPINDLE_CONTEXT is ${SPINDLE_CONTEXT}, and must be assembly or ucontext")
endif()
option(SPINDLE_FUZZ "Build the fuzzers of tests/fuzz, too: with clang, and everything instrumented for them" OFF)
option(SPINDLE_ARCHIVES "Link archives of the libraries where there are, so that programs start sooner" ON)
# Half of the time to compile goes into headers and templates that neighbours share. Each source compiles alone, too.
option(CMAKE_UNITY_BUILD "Compile the sources of a library or a program several at a time" ON)
set(CMAKE_UNITY_BUILD_BATCH_SIZE 16)
set(SPINDLE_SANITIZE "" CACHE STRING "Sanitizers to build with: address,undefined or thread")

find_program(CCACHE ccache)
if(CCACHE)
  # What it has to be told of precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()

# Links in a fifth of the time.
find_program(LLD ld.lld)
if(LLD)
  add_link_options(-fuse-ld=lld)
endif()

# The package that pkg-config has found, from these archives, if all are there.
function(spindle_prefer_archives package)
  set(archives)
  foreach(library IN LISTS ARGN)
    find_library(SPINDLE_ARCHIVE_${library} lib${library}.a)
    mark_as_advanced(SPINDLE_ARCHIVE_${library})
    list(APPEND archives ${SPINDLE_ARCHIVE_${library}})
  endforeach()
  if(NOT archives MATCHES NOTFOUND)
    set_target_properties(PkgConfig::${package} PROPERTIES INTERFACE_LINK_LIBRARIES "${archives}")
  endif()
endfunction()

find_package(PkgConfig REQUIRED)
find_package(spdlog REQUIRED)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
if(NOT SPINDLE_THREAD_ONLY)
  pkg_check_modules(uring REQUIRED IMPORTED_TARGET liburing)
  pkg_check_modules(ncurses REQUIRED IMPORTED_TARGET ncursesw)
  # _GNU_SOURCE, which the compiler defines, has in it what these define; with them no precompiled header can be used.
  set_target_properties(PkgConfig::ncurses PROPERTIES INTERFACE_COMPILE_OPTIONS "")
  pkg_check_modules(edit REQUIRED IMPORTED_TARGET libedit)
  pkg_check_modules(lua REQUIRED IMPORTED_TARGET lua5.4)
  pkg_check_modules(blkid REQUIRED IMPORTED_TARGET blkid)
  pkg_check_modules(rsvg REQUIRED librsvg-2.0)
  pkg_check_modules(fuse3 REQUIRED IMPORTED_TARGET fuse3)
  if(SPINDLE_ARCHIVES AND NOT SPINDLE_SANITIZE)
    spindle_prefer_archives(uring uring)
    spindle_prefer_archives(ncurses ncursesw tinfo)
    spindle_prefer_archives(edit edit tinfo bsd md)
    spindle_prefer_archives(lua lua5.4)
    spindle_prefer_archives(blkid blkid)
    spindle_prefer_archives(fuse3 fuse3)
  endif()
  find_package(fmt REQUIRED)
  find_package(nlohmann_json REQUIRED)
  find_package(CLI11 REQUIRED)
endif()
if(SPINDLE_BUILD_TESTS)
  find_package(GTest REQUIRED)
  find_package(rapidcheck REQUIRED)
endif()

add_library(spindle_options INTERFACE)
# Not for missing fields: a designated initializer names what differs from the default.
target_compile_options(spindle_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -Wconversion
                       -Wno-sign-conversion -Wno-missing-field-initializers -Werror=return-type -Werror=unused-result>)
# A tenth of the time to compile went into collecting the compiler's own garbage; without, it needs an eighth more memory.
target_compile_options(spindle_options INTERFACE
                       $<$<COMPILE_LANG_AND_ID:CXX,GNU>:--param=ggc-min-heapsize=400000>)
if(SPINDLE_SANITIZE)
  target_compile_options(spindle_options INTERFACE -fsanitize=${SPINDLE_SANITIZE} -fno-omit-frame-pointer
                         -fno-sanitize-recover=all)
  target_link_options(spindle_options INTERFACE -fsanitize=${SPINDLE_SANITIZE})
  if(SPINDLE_SANITIZE MATCHES undefined)
    # A quarter of the time to compile goes into these, and AddressSanitizer stops at what they would find.
    target_compile_options(spindle_options INTERFACE -fno-sanitize=null,object-size,vptr)
  endif()
endif()
if(SPINDLE_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "SPINDLE_FUZZ needs clang: configure with -DCMAKE_CXX_COMPILER=clang++")
  endif()
  # What fuzzers are guided by. To trace comparisons, too, as -fsanitize=fuzzer does, slows all tests of the preset down.
  target_compile_options(spindle_options INTERFACE -fsanitize-coverage=inline-8bit-counters,pc-table)
  execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-runtime-dir OUTPUT_VARIABLE SPINDLE_RUNTIME_FOLDER
                  OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()

# What nearly every source reads, read once: a third of the time to compile went into it. Each source includes what it
# uses all the same. Not here: headers of functions, which would be compiled into each source. ARGN: what more to read.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled.cc CONTENT "")
function(spindle_precompiled name)
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/precompiled.cc)
  target_link_libraries(${name} PRIVATE spdlog::spdlog spindle_options)
  target_precompile_headers(${name} PRIVATE <algorithm> <array> <bit> <cmath> <cstdint> <cstring> <deque>
                            <fmt/format.h> <functional> <map> <memory> <mutex> <optional> <set> <span> <string>
                            <string_view> <unordered_map> <vector> ${ARGN})
endfunction()
spindle_precompiled(spindle_precompiled_sources)
if(NOT SPINDLE_THREAD_ONLY)
  # For what has JSON: the layers above `json`, and the programs.
  spindle_precompiled(spindle_precompiled_json_sources ${CMAKE_SOURCE_DIR}/include/spindle/json/json.h)
  target_link_libraries(spindle_precompiled_json_sources PRIVATE nlohmann_json::nlohmann_json)
endif()
if(SPINDLE_BUILD_TESTS)
  # Tests are compiled sooner, and what they test is optimised. UNOPTIMISED is a property of a test's target.
  add_library(spindle_test_options INTERFACE)
  target_compile_options(spindle_test_options INTERFACE
                         $<$<COMPILE_LANGUAGE:CXX>:$<IF:$<BOOL:$<TARGET_PROPERTY:UNOPTIMISED>>,-O0,-O1> -g1>)
  # An EXPECT_ under an `if` is safe: GoogleTest's macros see to it.
  target_compile_options(spindle_test_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-dangling-else>)
  if(SPINDLE_SANITIZE MATCHES undefined)
    # It doubles the time to compile, and a test's own arithmetic is not what is looked at.
    target_compile_options(spindle_test_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fno-sanitize=undefined>)
  endif()
  target_link_libraries(spindle_test_options INTERFACE GTest::gtest spindle_options)

  spindle_precompiled(spindle_precompiled_tests)
  target_precompile_headers(spindle_precompiled_tests PRIVATE <gtest/gtest.h>)
  target_link_libraries(spindle_precompiled_tests PRIVATE spindle_test_options)
endif()

# A layer is the library spindle_<name> (alias Spindle::<name>) of all src/<name>/*.cc, with the public headers
# include/spindle/<name>/. A layer of headers alone becomes an INTERFACE library.
function(spindle_layer name)
  cmake_parse_arguments(LAYER "" "" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc ${CMAKE_SOURCE_DIR}/src/${name}/*.S)
  set(target spindle_${name})
  if(sources)
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(Spindle::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(${target} ${scope} $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  if(scope STREQUAL PUBLIC)
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/src)
    if(json IN_LIST LAYER_DEPENDS)
      target_precompile_headers(${target} REUSE_FROM spindle_precompiled_json_sources)
    else()
      target_precompile_headers(${target} REUSE_FROM spindle_precompiled_sources)
    endif()
  endif()
  foreach(layer IN LISTS LAYER_DEPENDS)
    target_link_libraries(${target} ${scope} Spindle::${layer})
  endforeach()
  target_link_libraries(${target} ${scope} ${LAYER_LIBRARIES} $<BUILD_INTERFACE:spindle_options>)
endfunction()

# A program that people run. What the loader need not look for and bind makes it start in a third of the time, and to start
# is most of what a short command does. Policies of one's own, which LOADS_POLICIES loads, bring the C library and that which
# throws exceptions: there must not be two of these.
function(spindle_program name)
  cmake_parse_arguments(PROGRAM "LOADS_POLICIES" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${PROGRAM_SOURCES})
  target_compile_definitions(${name} PRIVATE SPINDLE_VERSION="${PROJECT_VERSION}")
  target_link_libraries(${name} PRIVATE ${PROGRAM_LIBRARIES} Spindle::command_line Spindle::json fmt::fmt
                        spindle_options)
  target_precompile_headers(${name} REUSE_FROM spindle_precompiled_json_sources)
  if(SPINDLE_ARCHIVES AND NOT SPINDLE_SANITIZE)
    target_link_options(${name} PRIVATE -static-libstdc++ -Wl,--as-needed)
    if(NOT PROGRAM_LOADS_POLICIES)
      target_link_options(${name} PRIVATE -static-libgcc)
    endif()
  endif()
endfunction()

# A test program that ctest runs whole; LABEL is for `ctest -L`. It includes what tests share by its path in tests/. COST is
# about the seconds of a long one: those begin first, since what begins last is waited for alone.
function(spindle_test name)
  cmake_parse_arguments(TEST "" "LABEL;TIMEOUT;COST" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${TEST_SOURCES})
  if(SPINDLE_FUZZ)
    # A thread must not be preempted in the middle of the sanitizer's malloc: in a library of its own it is not, as that
    # of the C library is not.
    target_link_options(${name} PRIVATE -shared-libasan -Wl,-rpath,${SPINDLE_RUNTIME_FOLDER})
  endif()
  target_link_libraries(${name} PRIVATE ${TEST_LIBRARIES} GTest::gtest_main rapidcheck spindle_test_options)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests ${CMAKE_SOURCE_DIR}/include)
  target_precompile_headers(${name} REUSE_FROM spindle_precompiled_tests)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${TEST_LABEL}" TIMEOUT $<IF:$<BOOL:${TEST_TIMEOUT}>,${TEST_TIMEOUT},600>
                       COST $<IF:$<BOOL:${TEST_COST}>,${TEST_COST},0>)
endfunction()
