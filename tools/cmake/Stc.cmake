# Common settings and the one way to declare a library of the project.
set(CMAKE_CXX_STANDARD 20) # MLIR 22 does not parse as C++23 with libstdc++ 12
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON) # LLVM's libraries lie in a folder of their own
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_FLAGS_RELWITHASSERTS "-O2")
set(CMAKE_C_FLAGS_RELWITHASSERTS "-O2")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithAsserts)
endif()
add_compile_options(-Wall -Wextra -Wno-unused-parameter -ffunction-sections -fdata-sections)
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=) # what assertions name is no folder of this machine
add_link_options(-fuse-ld=lld -Wl,--gc-sections)
if(STC_SANITIZE)
  add_compile_options(-fsanitize=${STC_SANITIZE} -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=${STC_SANITIZE})
endif()

set(STC_ROOT ${CMAKE_CURRENT_LIST_DIR}/../..)
get_filename_component(STC_ROOT ${STC_ROOT} ABSOLUTE)

# stc_library(NAME SOURCES a.cpp ... DEPS lib ...): a static library; includes are written from the
# project's root ("compiler/Pattern/Pattern.h") and, for generated headers, from the build root.
function(stc_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${STC_ROOT} ${CMAKE_BINARY_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_DEPS})
endfunction()

# stc_join(NAME [EXCEPT a.cpp ...]): compiles the files of a target a few at a time, of which each spends most of its
# time on headers and what it makes of them. What is local to a file has another name in the others, or is in a file
# that is left out.
function(stc_join name)
  cmake_parse_arguments(ARG "" "" "EXCEPT" ${ARGN})
  set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
  set_source_files_properties(${ARG_EXCEPT} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# fmt, linked statically.
find_path(FMT_INCLUDE fmt/format-inl.h REQUIRED)
add_library(stc_fmt STATIC ${STC_ROOT}/tools/cmake/fmt.cpp)
target_include_directories(stc_fmt SYSTEM PUBLIC ${FMT_INCLUDE})

# The headers that nearly every file of the runtime and its tools reads, to be precompiled. The last
# is generated from the schema of program files.
set(STC_PROGRAM_HEADER ${CMAKE_BINARY_DIR}/runtime/Program/Program_generated.h)
set(STC_RUNTIME_HEADERS <algorithm> <array> <chrono> <cmath> <cstring> <filesystem> <functional>
  <map> <memory> <optional> <span> <string> <vector> <fmt/format.h> <fmt/ranges.h>
  <nlohmann/json.hpp> ${STC_PROGRAM_HEADER})

# The same for patterns and for specifications and explanations, which speak of them.
set(STC_PATTERN_HEADERS <algorithm> <array> <cmath> <functional> <map> <memory> <numeric> <optional> <span>
  <string> <vector> <fmt/format.h> <fmt/ranges.h> <isl/cpp.h> <tl/expected.hpp>)

# stc_run_anywhere(NAME): makes an executable that needs glibc alone; sanitizers bring their own libraries.
function(stc_run_anywhere name)
  set_target_properties(${name} PROPERTIES STC_RUNS_ANYWHERE ON)
  if(NOT STC_SANITIZE)
    target_link_options(${name} PRIVATE -static-libstdc++ -static-libgcc)
  endif()
endfunction()

# stc_test_program(NAME [IR]): for an executable of the tests. It does next to nothing itself, so that optimizing it
# would take longer than it saves. Its precompiled headers, in tests, are GoogleTest's and the runtime's or, with IR,
# those of MLIR.
function(stc_test_program name)
  cmake_parse_arguments(ARG "IR" "" "" ${ARGN})
  target_include_directories(${name} PRIVATE ${STC_ROOT} ${CMAKE_BINARY_DIR})
  target_compile_options(${name} PRIVATE -O0 -fPIC) # as the headers were, not -fPIE
  if(ARG_IR)
    target_include_directories(${name} SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
    target_precompile_headers(${name} REUSE_FROM stc_mlir_test_pch)
  else()
    target_precompile_headers(${name} REUSE_FROM stc_test_pch)
  endif()
endfunction()

# stc_unit_test(NAME [IR] SOURCES a.cpp ... DEPS lib ... [SHARDS k] [COST s]): a GoogleTest executable, run by ctest,
# in k processes where it takes long. What takes most seconds starts first.
function(stc_unit_test name)
  cmake_parse_arguments(ARG "IR" "SHARDS;COST" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  if(ARG_IR)
    stc_test_program(${name} IR)
  else()
    stc_test_program(${name})
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest GTest::gtest_main)
  if(NOT ARG_SHARDS)
    add_test(NAME ${name} COMMAND ${name})
    return()
  endif()
  math(EXPR last "${ARG_SHARDS} - 1")
  foreach(shard RANGE ${last})
    add_test(NAME ${name}_${shard} COMMAND ${name})
    set_tests_properties(${name}_${shard} PROPERTIES
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${ARG_SHARDS};GTEST_SHARD_INDEX=${shard}" COST "${ARG_COST}")
  endforeach()
endfunction()
