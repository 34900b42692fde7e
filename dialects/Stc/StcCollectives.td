//===- StcCollectives.td - the stc dialect: ops over devices *- tablegen -*-===//
//
// A function that is dealt over devices runs on each of them, op by op the same, on tensors of their
// own. These ops are where they meet. Devices stand in a grid of named axes, and an op goes along
// one: the devices that differ in their number on that axis alone meet in it. The names of the ops
// are those of MLIR's shard dialect.
//
//===----------------------------------------------------------------------===//
#ifndef STC_DIALECTS_STC_COLLECTIVES_TD
#define STC_DIALECTS_STC_COLLECTIVES_TD

include "dialects/Stc/Stc.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Stc_RankOp : Stc_Op<"rank", [Pure]> {
  let summary = "the number of the device on an axis";
  let description = [{
    From 0 on.

    ```mlir
    %r = stc.rank over "data" of 4 : tensor<i32>
    ```

    Constraints:
    - (C1) an axis has a name and at least one device.
  }];
  let arguments = (ins StrAttr:$axis, I64Attr:$count);
  let results = (outs Stc_I32Scalar:$result);
  let assemblyFormat = "`over` $axis `of` $count attr-dict `:` type($result)";
}

def Stc_AllSliceOp : Stc_Op<"all_slice", [Pure, Stc_Differentiated]> {
  let summary = "of a tensor that all devices have, each its own part";
  let description = [{
    Dimension `dim` is cut into as many equal parts as the axis has devices, and device r keeps part r.
    Nothing is sent.

    The gradient is that of the sum of all devices' losses, where each device's operand is its own: it is
    zero outside of the part.

    ```mlir
    %y = stc.all_slice %x dim 0 over "data" of 4 : tensor<8x64xf32> to tensor<2x64xf32>
    ```

    Constraints:
    - (C1) an axis has a name and at least one device.
    - (C2) `dim` is a dimension of the operand, of a size that the number of devices divides; the result's
      shape is the operand's but for this quotient in `dim`.
    - (C3) element types are equal.
  }];
  let arguments = (ins Stc_Tensor:$input, I64Attr:$dim, StrAttr:$axis, I64Attr:$count);
  let results = (outs Stc_Tensor:$result);
  let assemblyFormat = "$input `dim` $dim `over` $axis `of` $count attr-dict `:` type($input) `to` type($result)";
}

def Stc_AllGatherOp : Stc_Op<"all_gather", [Pure, Stc_Differentiated]> {
  let summary = "the parts of all devices side by side, on all of them";
  let description = [{
    Part r along dimension `dim` is the operand of device r. The gradient is `stc.reduce_scatter`.

    ```mlir
    %y = stc.all_gather %x dim 0 over "data" of 4 : tensor<2x64xf32> to tensor<8x64xf32>
    ```

    Constraints:
    - (C1) an axis has a name and at least one device.
    - (C2) `dim` is a dimension of the result, of a size that the number of devices divides; the operand's
      shape is the result's but for this quotient in `dim`.
    - (C3) element types are equal.
  }];
  let arguments = (ins Stc_Tensor:$input, I64Attr:$dim, StrAttr:$axis, I64Attr:$count);
  let results = (outs Stc_Tensor:$result);
  let assemblyFormat = "$input `dim` $dim `over` $axis `of` $count attr-dict `:` type($input) `to` type($result)";
}

def Stc_AllReduceOp : Stc_Op<"all_reduce", [Pure, SameOperandsAndResultType, Stc_Differentiated]> {
  let summary = "the sum or the maximum of what all devices have, on all of them";
  let description = [{
    Element by element. The gradient of a sum, with respect to the sum of all devices' losses, is
    `stc.all_reduce sum` of the gradients; a maximum has none.

    ```mlir
    %y = stc.all_reduce sum %x over "data" of 4 : tensor<64xf32>
    ```

    Constraints:
    - (C1) an axis has a name and at least one device.
  }];
  let arguments = (ins Stc_Reduction:$kind, Stc_FloatTensor:$input, StrAttr:$axis, I64Attr:$count);
  let results = (outs Stc_FloatTensor:$result);
  let assemblyFormat = "$kind $input `over` $axis `of` $count attr-dict `:` type($input)";
}

def Stc_AllToAllOp : Stc_Op<"all_to_all", [Pure, SameOperandsAndResultType, Stc_Differentiated]> {
  let summary = "part r of each device's tensor to device r";
  let description = [{
    Dimension `dim` is cut into as many equal parts as the axis has devices. Of device s, part r is what device
    r has as its part s of the operand. The gradient is `stc.all_to_all` of the gradient.

    ```mlir
    %y = stc.all_to_all %x dim 0 over "context" of 4 : tensor<4x64xf32>
    ```

    Constraints:
    - (C1) an axis has a name and at least one device.
    - (C2) `dim` is a dimension of a size that the number of devices divides.
  }];
  let arguments = (ins Stc_Tensor:$input, I64Attr:$dim, StrAttr:$axis, I64Attr:$count);
  let results = (outs Stc_Tensor:$result);
  let assemblyFormat = "$input `dim` $dim `over` $axis `of` $count attr-dict `:` type($input)";
}

def Stc_ReduceScatterOp : Stc_Op<"reduce_scatter", [Pure, Stc_Differentiated]> {
  let summary = "the sum of what all devices have, each a part of it";
  let description = [{
    `stc.all_slice` of `stc.all_reduce sum`, without the rest of the sum. The gradient is `stc.all_gather`.

    ```mlir
    %y = stc.reduce_scatter %x dim 0 over "data" of 4 : tensor<8x64xf32> to tensor<2x64xf32>
    ```

    Constraints:
    - (C1) an axis has a name and at least one device.
    - (C2) `dim` is a dimension of the operand, of a size that the number of devices divides; the result's
      shape is the operand's but for this quotient in `dim`.
    - (C3) element types are equal.
  }];
  let arguments = (ins Stc_FloatTensor:$input, I64Attr:$dim, StrAttr:$axis, I64Attr:$count);
  let results = (outs Stc_FloatTensor:$result);
  let assemblyFormat = "$input `dim` $dim `over` $axis `of` $count attr-dict `:` type($input) `to` type($result)";
}

#endif
