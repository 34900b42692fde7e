# LLVM, MLIR and lld 22, one shared precompiled header, and dialect generation.
find_package(MLIR REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
if(NOT LLVM_VERSION_MAJOR EQUAL 22)
  message(FATAL_ERROR "expected LLVM and MLIR 22, found ${LLVM_VERSION}")
endif()
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
find_package(LLD REQUIRED CONFIG HINTS ${LLVM_CMAKE_DIR}/../lld)
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# What the compiler's libraries are linked with: shared libraries, which link in a second, or static ones for
# what is to run anywhere. Of static libraries lld takes what it needs, in any order, so that all are named.
add_library(stc_llvm_shared INTERFACE)
target_link_libraries(stc_llvm_shared INTERFACE lldELF MLIR LLVM)
add_library(stc_llvm_static INTERFACE)
file(GLOB archives ${LLVM_LIBRARY_DIR}/libMLIR*.a ${LLVM_LIBRARY_DIR}/libLLVM*.a ${LLVM_LIBRARY_DIR}/liblld*.a)
find_library(STATIC_zstd libzstd.a REQUIRED)
add_library(stc_no_back_ends STATIC ${STC_ROOT}/tools/cmake/NoBackEnds.cpp)
target_include_directories(stc_no_back_ends SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS})
target_link_libraries(stc_llvm_static INTERFACE stc_no_back_ends ${archives} ${STATIC_z} ${STATIC_zstd})
add_library(stc_llvm INTERFACE)
target_link_libraries(stc_llvm INTERFACE
  $<IF:$<BOOL:$<TARGET_PROPERTY:STC_RUNS_ANYWHERE>>,stc_llvm_static,stc_llvm_shared>)

# The headers that nearly every pass reads; parsing them once takes a pass from 18 s to 1 s.
add_library(stc_mlir_pch STATIC ${STC_ROOT}/tools/cmake/pch.cpp)
target_include_directories(stc_mlir_pch SYSTEM PUBLIC ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
target_include_directories(stc_mlir_pch PUBLIC ${STC_ROOT} ${CMAKE_BINARY_DIR})
target_compile_definitions(stc_mlir_pch PUBLIC ${LLVM_DEFINITIONS_LIST})
set(STC_MLIR_HEADERS
  <mlir/Bytecode/BytecodeOpInterface.h> <mlir/Dialect/Affine/IR/AffineOps.h>
  <mlir/Dialect/Arith/IR/Arith.h> <mlir/Dialect/Func/IR/FuncOps.h>
  <mlir/Dialect/Math/IR/Math.h> <mlir/Dialect/MemRef/IR/MemRef.h> <mlir/Dialect/SCF/IR/SCF.h>
  <mlir/Dialect/Vector/IR/VectorOps.h> <mlir/IR/Builders.h> <mlir/IR/BuiltinOps.h>
  <mlir/IR/ImplicitLocOpBuilder.h> <mlir/IR/IRMapping.h> <mlir/IR/OpImplementation.h>
  <mlir/IR/PatternMatch.h> <mlir/IR/SymbolTable.h> <mlir/Pass/Pass.h> <mlir/Pass/PassManager.h>
  <mlir/Transforms/GreedyPatternRewriteDriver.h> <mlir/Transforms/DialectConversion.h>
  <functional> <map> <memory> <optional> <string> <vector>)
target_precompile_headers(stc_mlir_pch PRIVATE ${STC_MLIR_HEADERS})

# stc_reuse_mlir_headers(NAME): for an executable that reads them.
function(stc_reuse_mlir_headers name)
  target_include_directories(${name} SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  target_precompile_headers(${name} REUSE_FROM stc_mlir_pch)
  target_compile_options(${name} PRIVATE -fPIC) # as the headers were, not -fPIE
endfunction()

# stc_mlir_library(NAME SOURCES ... DEPS ... [HEADERS <h> ...]): a library of the compiler's IR side. With
# HEADERS, which most of its files read beside the usual ones, it has a precompiled header of its own.
function(stc_mlir_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;HEADERS" ${ARGN})
  stc_library(${name} SOURCES ${ARG_SOURCES} DEPS ${ARG_DEPS})
  target_include_directories(${name} SYSTEM PUBLIC ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  if(ARG_HEADERS)
    target_precompile_headers(${name} PRIVATE ${STC_MLIR_HEADERS} ${ARG_HEADERS})
  else()
    target_precompile_headers(${name} REUSE_FROM stc_mlir_pch)
  endif()
  target_link_libraries(${name} PUBLIC stc_llvm)
endfunction()

# stc_tablegen(NAME FILE.td out -flags ... out -flags ...): generated headers beside the dialect.
function(stc_tablegen name td)
  set(LLVM_TARGET_DEFINITIONS ${td})
  set(outputs ${ARGN})
  while(outputs)
    list(POP_FRONT outputs file flags)
    string(REPLACE " " ";" flags "${flags}")
    mlir_tablegen(${file} ${flags} EXTRA_INCLUDES ${STC_ROOT} ${MLIR_INCLUDE_DIRS})
  endwhile()
  add_public_tablegen_target(${name})
endfunction()
