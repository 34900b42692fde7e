//===- Passes.td - passes from stc to stc -------------------*- tablegen -*-===//
#ifndef STC_TRANSFORMS_PASSES_TD
#define STC_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def FuseSoftmax : Pass<"stc-fuse-softmax"> {
  let summary = "Make scores, softmax and aggregation over one pattern a single attention op";
  let description = [{
    Finds `stc.scores`, an optional scaling by a constant, `stc.softmax` and `stc.aggregate`, whoever
    wrote them, and replaces them by `stc.attention`. The tensor of scores, which has an element for
    every pair of the pattern, is gone. Scores or weights that something else uses too stay as they are.

    ```mlir
    func.func @attend(%q: tensor<1x64x2x16xf32>, %k: tensor<1x64x2x16xf32>, %v: tensor<1x64x2x16xf32>)
        -> tensor<1x64x2x16xf32> {
      %scale = arith.constant dense<0.25> : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
      %s = stc.scores %q, %k : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>
          -> tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
      %scaled = arith.mulf %s, %scale : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
      %p = stc.softmax %scaled : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
      %o = stc.aggregate %p, %v : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>, tensor<1x64x2x16xf32>
      return %o : tensor<1x64x2x16xf32>
    }
    ```

    becomes

    ```mlir
    %o, %lse = stc.attention %q, %k, %v scale 2.500000e-01 pattern <"strided(8)">
        : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>
        -> tensor<1x64x2x16xf32>, tensor<1x2x64xf32>
    return %o : tensor<1x64x2x16xf32>
    ```
  }];
  let dependentDialects = ["::stc::StcDialect"];
}

#endif
