//===- Passes.td - passes from stc to stc -------------------*- tablegen -*-===//
#ifndef STC_TRANSFORMS_PASSES_TD
#define STC_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def FuseSoftmax : Pass<"stc-fuse-softmax"> {
  let summary = "Make scores, softmax and aggregation over one pattern a single attention op";
  let description = [{
    Finds `stc.scores`, an optional scaling by a constant, `stc.softmax` and `stc.aggregate`, whoever
    wrote them, and replaces them by `stc.attention`. The tensor of scores, which has an element for
    every pair of the pattern, is gone.
  }];
  let dependentDialects = ["::stc::StcDialect"];
}

#endif
