// RUN: stc-opt %s --split-input-file --convert-stc-to-tile="target=sm_90a" | FileCheck %s
// RUN: stc-opt %s --split-input-file --convert-stc-to-tile="target=sm_90a" --convert-tile-to-plan | FileCheck %s --check-prefix PLAN
// RUN: stc-opt %s --split-input-file --convert-stc-to-tile="target=sm_90a" --convert-tile-to-plan --schedule-attention="target=sm_90a" --convert-tile-to-cuda="target=sm_90a" | FileCheck %s --check-prefix CUDA

// The function's parameters are the sizes of its launches: their items, and the bytes of results.
// CHECK-DAG: #[[NEAR:.*]] = affine_map<()[s0, s1, {{.*}}] -> ((s1 ceildiv 128) * (s0 * s2), ((s0 * s1) * s2) * 64, ((s0 * s1) * s2) * 4)>
// CHECK-DAG: #[[FAR:.*]] = affine_map<()[s0, s1, {{.*}}] -> (((s1 floordiv 128) ceildiv {{[0-9]+}}) * ((s0 * s2) * 128))>
// CHECK-LABEL: func.func @attention
// CHECK-SAME: tile.parameters = [#tile.parameter<"batch" = 2 multiple 1 most 2147483647>, #tile.parameter<"positions" = 32768 multiple 128 most 32768>,
// CHECK-SAME: #tile.parameter<"heads" = 4 multiple 1 most 2147483647>, #tile.parameter<"key_heads" = 2 multiple 1 most 2147483647>,
// CHECK-SAME: #tile.parameter<"arg0.batch" = 8388608 multiple 8 most 70368744177664>, #tile.parameter<"arg0.position" = 64 multiple 8 most 70368744177664>,
// CHECK-SAME: #tile.parameter<"result0.head" = 1048576 multiple 8
// CHECK: tile.launch @attention_0(%arg0, %arg1, %arg2) items 2048 sizes [2, 32768, 4, 2, 8388608, 64, 2097152, 4194304, 64, 2097152, 2097152, 32, 1048576, 4194304, 32, 1048576]
// CHECK-SAME: dynamic #[[NEAR]]
// CHECK: tile.launch @attention_1
// CHECK-SAME: dynamic #[[FAR]]
// CHECK-LABEL: tile.kernel @attention_0 kind "attention"
// CHECK: memref.reinterpret_cast %arg1 to offset: [0], sizes: [%arg5, %arg6, %arg8, 64], strides: [%arg12, %arg13, %arg14, 1]
// CHECK: tile.attention {{.*}} group 2 {
// CHECK: tile.examples = array<i64: 2, 32768, 4, 2,

// No two values have memory in common.
// PLAN: plan.entry @attention inputs ["arg0" = 0 : {{.*}}, "arg1" = {{[0-9]+}} : {{.*}}, "arg2" = {{[0-9]+}} : {{.*}}] outputs ["result0" = {{[0-9]+}} :
// PLAN-SAME: parameters [#tile.parameter<"batch" = 2

// Rows of a stride are reached whatever the length is.
// CUDA: #[[MAP:.*]] = affine_map<()[s0, s1, {{.*}}] -> (0, 64, s1 floordiv 128, 128, s3, s0, s8 * 256, s8 * 2, s9 * 2, s7 * 2)>
// CUDA: #plan.tensor_map<buffer 1, offset 0, bf16, sizes[64, 256, 128, 2, 2], strides[16384, 128, 4194304, 8388608], box[64, {{[0-9]+}}, 1, 1, 1], swizzle 128, dynamic #[[MAP]]>
func.func @attention(%q: tensor<2x4x32768x64xbf16>, %k: tensor<2x2x32768x64xbf16>, %v: tensor<2x2x32768x32xbf16>)
    -> (tensor<2x4x32768x32xbf16>, tensor<2x4x32768xf32>) attributes {stc.dynamic} {
  %o, %l = stc.attention %q, %k, %v scale 0.125 pattern <"strided(128)"> layout head_major
      : tensor<2x4x32768x64xbf16>, tensor<2x2x32768x64xbf16>, tensor<2x2x32768x32xbf16> -> tensor<2x4x32768x32xbf16>, tensor<2x4x32768xf32>
  return %o, %l : tensor<2x4x32768x32xbf16>, tensor<2x4x32768xf32>
}

// -----

// A pattern that looks ahead, or has the length in it, is one of a length.
// CHECK: #[[ITEMS:.*]] = affine_map<()[s0, s1, {{.*}}] -> ((s0 * s2) * 2, (s0 * s2) * 32768,
// CHECK-LABEL: func.func @ahead
// CHECK-SAME: #tile.parameter<"positions" = 256 multiple 256 most 256>, #tile.parameter<"heads" = 2 multiple 1
// CHECK: memref.reinterpret_cast %arg0 to offset: [0], sizes: [%arg5, 256, %arg7, 64]
// PLAN: plan.entry @ahead
// CUDA: plan.kernel
func.func @ahead(%q: tensor<1x2x256x64xbf16>, %k: tensor<1x2x256x64xbf16>, %v: tensor<1x2x256x64xbf16>)
    -> (tensor<1x2x256x64xbf16>, tensor<1x2x256xf32>) attributes {stc.dynamic} {
  %o, %l = stc.attention %q, %k, %v scale 0.125 pattern <"{ [i] -> [j] : i - j <= 5 and j - i <= 5 }"> layout head_major
      : tensor<1x2x256x64xbf16>, tensor<1x2x256x64xbf16>, tensor<1x2x256x64xbf16> -> tensor<1x2x256x64xbf16>, tensor<1x2x256xf32>
  return %o, %l : tensor<1x2x256x64xbf16>, tensor<1x2x256xf32>
}

// -----

// CHECK-LABEL: func.func @length
// CHECK-SAME: #tile.parameter<"positions" = 256 multiple 256 most 256>
// PLAN: plan.entry @length
// CUDA: plan.kernel
func.func @length(%q: tensor<1x2x256x64xbf16>, %k: tensor<1x2x256x64xbf16>, %v: tensor<1x2x256x64xbf16>)
    -> (tensor<1x2x256x64xbf16>, tensor<1x2x256xf32>) attributes {stc.dynamic} {
  %o, %l = stc.attention %q, %k, %v scale 0.125 pattern <"{ [i] -> [j] : j <= i and i + j < n + 9 }"> layout head_major
      : tensor<1x2x256x64xbf16>, tensor<1x2x256x64xbf16>, tensor<1x2x256x64xbf16> -> tensor<1x2x256x64xbf16>, tensor<1x2x256xf32>
  return %o, %l : tensor<1x2x256x64xbf16>, tensor<1x2x256xf32>
}

// -----

// Where heads have different patterns, so many heads. What each query gives is a number of the call's queries.
// CHECK-DAG: #[[DELTA:.*]] = affine_map<()[s0, s1, {{.*}}] -> (((s0 * s1) * s2) ceildiv 256, ((s0 * s1) * s2) * 4)>
// CHECK-LABEL: func.func @gradient
// CHECK-SAME: #tile.parameter<"positions" = 256 multiple 1 most 256>, #tile.parameter<"heads" = 2 multiple 2 most 2>
// CHECK: tile.launch @attention_delta
// CHECK-SAME: dynamic #[[DELTA]]
// CHECK: tile.launch @attention_key_grad
// PLAN: plan.entry @gradient
// CUDA: plan.kernel
func.func @gradient(%q: tensor<1x256x2x64xbf16>, %k: tensor<1x256x2x64xbf16>, %v: tensor<1x256x2x64xbf16>,
                    %o: tensor<1x256x2x64xbf16>, %l: tensor<1x2x256xf32>, %g: tensor<1x256x2x64xbf16>)
    -> (tensor<1x256x2x64xbf16>, tensor<1x256x2x64xbf16>, tensor<1x256x2x64xbf16>) attributes {stc.dynamic} {
  %r:3 = stc.attention_grad %q, %k, %v, %o, %l, %g scale 0.125 pattern <"local(5)", "local(9)">
      : tensor<1x256x2x64xbf16>, tensor<1x256x2x64xbf16>, tensor<1x256x2x64xbf16>, tensor<1x256x2x64xbf16>, tensor<1x2x256xf32>,
        tensor<1x256x2x64xbf16> -> tensor<1x256x2x64xbf16>, tensor<1x256x2x64xbf16>, tensor<1x256x2x64xbf16>
  return %r#0, %r#1, %r#2 : tensor<1x256x2x64xbf16>, tensor<1x256x2x64xbf16>, tensor<1x256x2x64xbf16>
}
