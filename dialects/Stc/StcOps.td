//===- StcOps.td - the stc dialect: operations --------------*- tablegen -*-===//
#ifndef STC_DIALECTS_STC_OPS_TD
#define STC_DIALECTS_STC_OPS_TD

include "dialects/Stc/Differentiable.td"
include "dialects/Stc/Stc.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Stc_Op<string mnemonic, list<Trait> traits = []> : Op<Stc_Dialect, mnemonic, traits> {
  let hasVerifier = 1;
}

def Stc_Differentiated : DeclareOpInterfaceMethods<Stc_Differentiable>;
def Stc_HasElements : CPred<[{::llvm::cast<::mlir::ShapedType>($_self).getNumElements() > 0}]>;
def Stc_HasNoEncoding : CPred<[{!::llvm::cast<::mlir::RankedTensorType>($_self).getEncoding()}]>;
class Stc_TensorOf<list<Type> elements, list<Pred> predicates, string name>
    : RankedTensorOf<elements, !listconcat([HasStaticShapePred, Stc_HasElements], predicates), name>;

class Stc_DenseTensorOf<list<Type> elements>
    : Stc_TensorOf<elements, [Stc_HasNoEncoding], "non-empty tensor of static shape without an encoding">;
def Stc_Tensor : Stc_DenseTensorOf<[F16, BF16, F32, F64, I1, I8, I32, I64]>;
def Stc_FloatTensor : Stc_DenseTensorOf<[F16, BF16, F32, F64]>;
def Stc_IntTensor : Stc_DenseTensorOf<[I32, I64]>;
// A float tensor that may have a pattern as its encoding.
def Stc_AnyFloatTensor : Stc_TensorOf<[F16, BF16, F32, F64], [], "non-empty tensor of static shape">;

class Stc_Scalar<string builder, string name>
    : Type<CPred<"$_self == ::mlir::RankedTensorType::get({}, ::mlir::Builder($_self.getContext())." # builder # "())">,
           "scalar of " # name, "::mlir::RankedTensorType">,
      BuildableType<"::mlir::RankedTensorType::get({}, $_builder." # builder # "())">;
def Stc_I32Scalar : Stc_Scalar<"getI32Type", "i32">;
def Stc_I64Scalar : Stc_Scalar<"getI64Type", "i64">;

//===----------------------------------------------------------------------===//
// Variables
//===----------------------------------------------------------------------===//

def Stc_VariableOp : Stc_Op<"variable", [Symbol]> {
  let summary = "a tensor that outlives the functions which read and write it";
  let description = [{
    A parameter, a moment of the optimizer, a counter, or scratch such as a key-value cache. Zero
    until something is written to it. Its name is the one in the weights file. Scratch lasts from
    one function that uses scratch to the next; a function that uses none leaves it undefined. A rank
    is the device's number on the axis `data` if its name is `rank.data`; whoever runs the functions
    writes it first of all.

    ```mlir
    stc.variable parameter @"ln_f.weight" : tensor<512xf32>
    ```

    Constraints:
    - (C1) the type is a tensor of static shape without an encoding.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Stc_Role:$role, TypeAttrOf<Stc_Tensor>:$type);
  let assemblyFormat = "$role $sym_name `:` $type attr-dict";
  let hasVerifier = 0;
}

def Stc_ReadOp : Stc_Op<"read", [MemoryEffects<[MemRead]>, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value of a variable";
  let description = [{
    ```mlir
    %w = stc.read @"ln_f.weight" : tensor<512xf32>
    ```

    Constraints:
    - (C1) the symbol is a `stc.variable` whose type is the result's.
  }];
  let arguments = (ins FlatSymbolRefAttr:$variable);
  let results = (outs Stc_Tensor:$value);
  let assemblyFormat = "$variable `:` type($value) attr-dict";
  let hasVerifier = 0;
}

def Stc_WriteOp : Stc_Op<"write", [MemoryEffects<[MemWrite]>, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "gives a variable a new value";
  let description = [{
    ```mlir
    stc.write @"ln_f.weight", %w : tensor<512xf32>
    ```

    Constraints:
    - (C1) the symbol is a `stc.variable` whose type is the value's.
  }];
  let arguments = (ins FlatSymbolRefAttr:$variable, Stc_Tensor:$value);
  let assemblyFormat = "$variable `,` $value `:` type($value) attr-dict";
  let hasVerifier = 0;
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

def Stc_BroadcastOp : Stc_Op<"broadcast", [Pure, Stc_Differentiated]> {
  let summary = "repeats a tensor along new dimensions";
  let description = [{
    Dimension `k` of the operand is dimension `dims[k]` of the result.

    ```mlir
    %y = stc.broadcast %bias dims [1] : tensor<64xf32> to tensor<128x64xf32>
    ```

    Constraints:
    - (C1) `dims` has an entry a dimension of the operand, strictly increasing.
    - (C2) each dimension of the operand has the size of the result's dimension it becomes.
    - (C3) element types are equal.
  }];
  let arguments = (ins Stc_Tensor:$input, DenseI64ArrayAttr:$dims);
  let results = (outs Stc_Tensor:$result);
  let assemblyFormat = "$input `dims` $dims attr-dict `:` type($input) `to` type($result)";
  let hasFolder = 1;
}

def Stc_ReduceOp : Stc_Op<"reduce", [Pure, Stc_Differentiated]> {
  let summary = "combines the elements along dimensions";
  let description = [{
    The dimensions `dims` are gone from the result.

    ```mlir
    %s = stc.reduce sum %x dims [1] : tensor<128x64xf32> to tensor<128xf32>
    ```

    Constraints:
    - (C1) `dims` are dimensions of the operand, strictly increasing, at least one.
    - (C2) the result's shape is the operand's without `dims`.
    - (C3) element types are equal.
  }];
  let arguments = (ins Stc_Reduction:$kind, Stc_FloatTensor:$input, DenseI64ArrayAttr:$dims);
  let results = (outs Stc_FloatTensor:$result);
  let assemblyFormat = "$kind $input `dims` $dims attr-dict `:` type($input) `to` type($result)";
  let extraClassDeclaration = [{
    /// Over the last dimension alone, to a tensor: each result needs one row.
    bool isRowReduction();
  }];
}

def Stc_ReshapeOp : Stc_Op<"reshape", [Pure, Stc_Differentiated]> {
  let summary = "the same elements in row-major order under another shape";
  let description = [{
    ```mlir
    %y = stc.reshape %x : tensor<2x128x64xf32> to tensor<256x64xf32>
    ```

    Constraints:
    - (C1) both shapes have the same number of elements, and element types are equal.
  }];
  let arguments = (ins Stc_Tensor:$input);
  let results = (outs Stc_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `to` type($result)";
  let hasFolder = 1;
}

def Stc_SplitOp : Stc_Op<"split", [Pure, Stc_Differentiated]> {
  let summary = "cuts the last dimension into consecutive ranges";
  let description = [{
    ```mlir
    %q, %k, %v = stc.split %qkv : tensor<8x192xf32> to tensor<8x64xf32>, tensor<8x64xf32>, tensor<8x64xf32>
    ```

    Constraints:
    - (C1) all dimensions but the last are equal, element types too.
    - (C2) the operand's last dimension is the sum of the results'.
  }];
  let arguments = (ins Stc_Tensor:$input);
  let results = (outs Variadic<Stc_Tensor>:$results);
  let assemblyFormat = "$input attr-dict `:` type($input) `to` type($results)";
}

def Stc_ConcatOp : Stc_Op<"concat", [Pure, Stc_Differentiated]> {
  let summary = "tensors side by side along the last dimension";
  let description = [{
    ```mlir
    %y = stc.concat %a, %b : tensor<8x64xf32>, tensor<8x32xf32> to tensor<8x96xf32>
    ```

    Constraints:
    - (C1) all dimensions but the last are equal, element types too.
    - (C2) the result's last dimension is the sum of the operands'.
  }];
  let arguments = (ins Variadic<Stc_Tensor>:$inputs);
  let results = (outs Stc_Tensor:$result);
  let assemblyFormat = "$inputs attr-dict `:` type($inputs) `to` type($result)";
}

def Stc_StopGradientOp : Stc_Op<"stop_gradient", [Pure, SameOperandsAndResultType]> {
  let summary = "the same value, a constant for differentiation";
  let description = [{
    ```mlir
    %c = stc.stop_gradient %x : tensor<8x64xf32>
    ```
  }];
  let arguments = (ins Stc_AnyFloatTensor:$input);
  let results = (outs Stc_AnyFloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
  let hasVerifier = 0;
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

def Stc_IotaOp : Stc_Op<"iota", [Pure]> {
  let summary = "each element's index along a dimension";
  let description = [{
    ```mlir
    %i = stc.iota 1 : tensor<8x256xi32>
    ```

    Constraints:
    - (C1) `dim` is a dimension of the result.
  }];
  let arguments = (ins I64Attr:$dim);
  let results = (outs Stc_IntTensor:$result);
  let assemblyFormat = "$dim attr-dict `:` type($result)";
}

def Stc_RandomOp : Stc_Op<"random", [Pure]> {
  let summary = "random numbers that depend on nothing but their key and place";
  let description = [{
    Philox-4x32-10 (Salmon et al., SC'11): the key is `seed`; the counter is the element's row-major
    index (64 bits), the low 32 bits of `step`, and `stream`. Uniform numbers are in [0, 1) with 24
    bits; normal ones have mean 0 and standard deviation 1. Recomputation gives the same numbers again.
    Of the four words w0 to w3, uniform is `(w0 >> 8) * 2^-24`, and normal (Box and Muller) is
    `sqrt(-2 ln u) * cos(2 pi v)` with `u = (w0 + 0.5) * 2^-32` and `v = w1 * 2^-32`, in f32.

    With `part` the tensor is one of `of` equal parts of another, and has the numbers that the other has there: of
    each `of` consecutive runs of `runs` elements in row-major order, the one of the part's number. With several,
    the other is a part itself, by those before.

    ```mlir
    %u = stc.random uniform seed %seed step %step stream 7 : tensor<8x64xf32>
    %p = stc.random uniform seed %seed step %step stream 7 part %rank of [4] runs [128] : tensor<2x64xf32>
    ```

    Constraints:
    - (C1) the result has element type f32.
    - (C2) for each part there is a count and a run, both positive, and it has whole runs.
  }];
  let arguments = (ins Stc_Distribution:$distribution, Stc_I64Scalar:$seed,
                       Stc_I64Scalar:$step, I32Attr:$stream, Variadic<Stc_I32Scalar>:$parts,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$counts,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$runs);
  let results = (outs Stc_FloatTensor:$result);
  let builders = [
    OpBuilder<(ins "::mlir::Type":$type, "Distribution":$distribution, "::mlir::Value":$seed,
                   "::mlir::Value":$step, "int32_t":$stream), [{
      build($_builder, $_state, type, distribution, seed, step, stream, ::mlir::ValueRange(), {}, {});
    }]>
  ];
  let assemblyFormat = [{
    $distribution `seed` $seed `step` $step `stream` $stream (`part` $parts^ `of` $counts `runs` $runs)? attr-dict
    `:` type($result)
  }];
}

//===----------------------------------------------------------------------===//
// Dense products and tables
//===----------------------------------------------------------------------===//

def Stc_MatmulOp : Stc_Op<"matmul", [Pure, Stc_Differentiated]> {
  let summary = "a dense matrix product";
  let description = [{
    `op(lhs) * op(rhs)` over the last two dimensions, where `op` transposes on request. Leading
    dimensions are a batch; an `rhs` of rank 2 is shared by the whole batch. Products of f16 and bf16
    are added up in f32 and rounded once, when all are added.

    ```mlir
    %y = stc.matmul %x, %w transpose_rhs : tensor<1x128x64xf32>, tensor<256x64xf32> -> tensor<1x128x256xf32>
    ```

    Constraints:
    - (C1) `lhs` has rank 2 or more; `rhs` has rank 2 or `lhs`'s rank with the same leading dimensions.
    - (C2) the contracted dimensions are equal.
    - (C3) the result has the leading dimensions of `lhs` and the two free dimensions.
    - (C4) a transposed `lhs` with a batch needs an `rhs` with the same batch.
    - (C5) element types are equal.
  }];
  let arguments = (ins Stc_FloatTensor:$lhs, Stc_FloatTensor:$rhs, UnitAttr:$transpose_lhs,
                       UnitAttr:$transpose_rhs);
  let results = (outs Stc_FloatTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs (`transpose_lhs` $transpose_lhs^)? (`transpose_rhs` $transpose_rhs^)? attr-dict
    `:` type($lhs) `,` type($rhs) `->` type($result)
  }];
}

def Stc_GatherOp : Stc_Op<"gather", [Pure, Stc_Differentiated]> {
  let summary = "rows of a table by their index";
  let description = [{
    An index outside the table gives the nearest row. Where the indices are an entry's input, whoever runs
    the entry refuses such an index before (`stc-bound-indices`), so that this is for computed ones.

    ```mlir
    %e = stc.gather %table, %tokens : tensor<257x64xf32>, tensor<1x128xi32> -> tensor<1x128x64xf32>
    ```

    Constraints:
    - (C1) the table has rank 2, and the result has the indices' shape and the table's columns;
      their element types are equal.
  }];
  let arguments = (ins Stc_FloatTensor:$table, StaticShapeTensorOf<[I32]>:$indices);
  let results = (outs Stc_FloatTensor:$result);
  let assemblyFormat = "$table `,` $indices attr-dict `:` type($table) `,` type($indices) `->` type($result)";
}

def Stc_ScatterAddOp : Stc_Op<"scatter_add", [Pure]> {
  let summary = "adds rows into a table of zeros: the gradient of gather";
  let description = [{
    Rows with the same index are added in their order, so that the result has the same bits every time. An
    index outside the table is taken as that of the nearest row, as in `stc.gather`.

    ```mlir
    %t = stc.scatter_add %g, %tokens : tensor<1x128x64xf32>, tensor<1x128xi32> -> tensor<257x64xf32>
    ```

    Constraints:
    - (C1) the result has rank 2, and the rows have the indices' shape and the result's columns;
      their element types are equal.
  }];
  let arguments = (ins Stc_FloatTensor:$rows, StaticShapeTensorOf<[I32]>:$indices);
  let results = (outs Stc_FloatTensor:$result);
  let assemblyFormat = "$rows `,` $indices attr-dict `:` type($rows) `,` type($indices) `->` type($result)";
}

def Stc_InsertRowOp : Stc_Op<"insert_row", [Pure, AllTypesMatch<["sequence", "result"]>]> {
  let summary = "replaces one position of a sequence";
  let description = [{
    A position outside the sequence is taken as the nearest one.

    ```mlir
    %c = stc.insert_row %row into %cache at %p : tensor<2x1x8x64xf32> into tensor<2x128x8x64xf32>
    ```

    Constraints:
    - (C1) the row is the sequence's shape with dimension 1 of size 1.
  }];
  let arguments = (ins Stc_FloatTensor:$row, Stc_FloatTensor:$sequence, Stc_I32Scalar:$position);
  let results = (outs Stc_FloatTensor:$result);
  let assemblyFormat = [{
    $row `into` $sequence `at` $position attr-dict `:` type($row) `into` type($sequence)
  }];
}

//===----------------------------------------------------------------------===//
// Attention, unfused: the definition
//===----------------------------------------------------------------------===//

def Stc_AttentionLayout : DefaultValuedAttr<Stc_Layout, "::stc::Layout::TokenMajor">;

def Stc_ScoresOp : Stc_Op<"scores", [Pure, Stc_Differentiated]> {
  let summary = "products of queries with keys, for the pairs of a pattern";
  let description = [{
    `result[b, h, i, j] = sum_d query[b, i, h, d] * key[b, j, g, d]` where (i, j) is in the pattern
    (Eq. 2 of the paper, before scaling) and g is the head of keys that head h reads.

    ```mlir
    %s = stc.scores %q, %k : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>
        -> tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
    ```

    Constraints:
    - (C1) query and key have shape [batch, positions, heads, size], or that of their layout, with equal
      batch and size; the number of the query's heads is a multiple of the key's.
    - (C2) the result has shape [batch, heads, query positions, key positions] and a pattern.
    - (C3) queries and keys have the same number of positions.
    - (C4) element types are equal.
  }];
  let arguments = (ins Stc_FloatTensor:$query, Stc_FloatTensor:$key, Stc_AttentionLayout:$layout);
  let results = (outs Stc_AnyFloatTensor:$result);
  let assemblyFormat = [{
    $query `,` $key (`layout` $layout^)? attr-dict `:` type($query) `,` type($key) `->` type($result)
  }];
}

def Stc_SoftmaxOp : Stc_Op<"softmax", [Pure, SameOperandsAndResultType, Stc_Differentiated]> {
  let summary = "softmax over the keys of each query's pattern";
  let description = [{
    A query with no key gets no weights, so that its aggregate is zero.

    ```mlir
    %p = stc.softmax %s : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
    ```

    Constraints:
    - (C1) the type has a pattern.
  }];
  let arguments = (ins Stc_AnyFloatTensor:$scores);
  let results = (outs Stc_AnyFloatTensor:$result);
  let assemblyFormat = "$scores attr-dict `:` type($scores)";
}

def Stc_SoftmaxGradOp : Stc_Op<"softmax_grad", [Pure, SameOperandsAndResultType]> {
  let summary = "the gradient of softmax";
  let description = [{
    `weights * (grad - sum over keys of weights * grad)`.

    ```mlir
    %d = stc.softmax_grad %p, %g : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>
    ```

    Constraints:
    - (C1) the type has a pattern.
  }];
  let arguments = (ins Stc_AnyFloatTensor:$weights, Stc_AnyFloatTensor:$grad);
  let results = (outs Stc_AnyFloatTensor:$result);
  let assemblyFormat = "$weights `,` $grad attr-dict `:` type($weights)";
}

def Stc_AggregateOp : Stc_Op<"aggregate", [Pure, Stc_Differentiated]> {
  let summary = "sums of values weighted over a pattern";
  let description = [{
    `result[b, i, h, d] = sum_j weights[b, h, i, j] * value[b, j, g, d]` over the pairs that exist
    (Eq. 3), where g is the head of values that head h reads. With `transpose` result[b, j, g, d] is
    the sum over i, and over the heads h that read g, of weights[b, h, i, j] * value[b, i, h, d].

    ```mlir
    %o = stc.aggregate %p, %v : tensor<1x2x64x64xf32, #stc.pattern<"strided(8)">>, tensor<1x64x2x16xf32>
        -> tensor<1x64x2x16xf32>
    ```

    Constraints:
    - (C1) the weights have shape [batch, heads, query positions, key positions] and a pattern.
    - (C2) values and result have shape [batch, positions, heads, size], or that of their layout, of the
      weights' batch and positions and of equal size.
    - (C3) element types are equal.
    - (C4) the result, or with `transpose` the values, have the weights' heads; the others' heads divide
      their number.
  }];
  let arguments = (ins Stc_AnyFloatTensor:$weights, Stc_FloatTensor:$value, UnitAttr:$transpose,
                       Stc_AttentionLayout:$layout);
  let results = (outs Stc_FloatTensor:$result);
  let assemblyFormat = [{
    $weights `,` $value (`transpose` $transpose^)? (`layout` $layout^)? attr-dict
    `:` type($weights) `,` type($value) `->` type($result)
  }];
}

//===----------------------------------------------------------------------===//
// Attention, fused
//===----------------------------------------------------------------------===//

def Stc_AttentionOp : Stc_Op<"attention", [Pure, Stc_Differentiated]> {
  let summary = "attention over a pattern";
  let description = [{
    `output = aggregate(softmax(scale * scores(query, key)), value)`, and for each query the natural
    log-sum-exp of its scaled scores (-1e30 where the pattern has no key for it).

    With operands of f16 or bf16, scores, softmax and sums are in f32, and the output is rounded once.
    A target may round the weights to the operands' type before it multiplies them with values; the
    gradient is held to the same.

    ```mlir
    %o, %lse = stc.attention %q, %k, %v scale 0.25 pattern <"fixed(8, 2)">
        : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>
        -> tensor<1x64x2x16xf32>, tensor<1x2x64xf32>
    ```

    Eight heads of queries over two of keys, head-major:

    ```mlir
    %o, %lse = stc.attention %q, %k, %v scale 0.25 pattern <"fixed(8, 2)"> layout head_major
        : tensor<1x8x64x16xf32>, tensor<1x2x64x16xf32>, tensor<1x2x64x16xf32>
        -> tensor<1x8x64x16xf32>, tensor<1x8x64xf32>
    ```

    Constraints:
    - (C1) query, key and value have shape [batch, positions, heads, size], or that of their layout, with
      equal batch and positions; query and key have equal size, key and value equal heads, of which the
      query's number is a multiple; element types are equal.
    - (C2) output has the value's shape with the query's heads; the log-sum-exp has shape
      [batch, heads, positions], whatever the layout, and type f32.
  }];
  let arguments = (ins Stc_FloatTensor:$query, Stc_FloatTensor:$key, Stc_FloatTensor:$value,
                       F32Attr:$scale, Stc_PatternAttr:$pattern, Stc_AttentionLayout:$layout);
  let results = (outs Stc_FloatTensor:$output, Stc_FloatTensor:$logsumexp);
  let assemblyFormat = [{
    $query `,` $key `,` $value `scale` $scale `pattern` $pattern (`layout` $layout^)? attr-dict
    `:` type($query) `,` type($key) `,` type($value) `->` type($output) `,` type($logsumexp)
  }];
}

def Stc_AttentionGradOp : Stc_Op<"attention_grad", [Pure]> {
  let summary = "the gradient of attention";
  let description = [{
    From the forward pass's operands and results and the gradient of its output: the gradients of
    query, key and value. Nothing of size positions x positions is stored; scores are computed again.

    ```mlir
    %dq, %dk, %dv = stc.attention_grad %q, %k, %v, %o, %lse, %do scale 0.25 pattern <"fixed(8, 2)">
        : tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>,
          tensor<1x2x64xf32>, tensor<1x64x2x16xf32>
        -> tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32>
    ```

    Constraints:
    - (C1) operands are those of a `stc.attention` and its results; `outputGrad` has the output's type.
    - (C2) results have the types of query, key and value.
  }];
  let arguments = (ins Stc_FloatTensor:$query, Stc_FloatTensor:$key, Stc_FloatTensor:$value,
                       Stc_FloatTensor:$output, Stc_FloatTensor:$logsumexp, Stc_FloatTensor:$outputGrad,
                       F32Attr:$scale, Stc_PatternAttr:$pattern, Stc_AttentionLayout:$layout);
  let results = (outs Stc_FloatTensor:$queryGrad, Stc_FloatTensor:$keyGrad, Stc_FloatTensor:$valueGrad);
  let assemblyFormat = [{
    $query `,` $key `,` $value `,` $output `,` $logsumexp `,` $outputGrad `scale` $scale `pattern` $pattern
    (`layout` $layout^)? attr-dict `:` type($query) `,` type($key) `,` type($value) `,` type($output) `,` type($logsumexp)
    `,` type($outputGrad)
    `->` type($queryGrad) `,` type($keyGrad) `,` type($valueGrad)
  }];
}

def Stc_AttentionChunkOp : Stc_Op<"attention_chunk", [Pure, AttrSizedOperandSegments]> {
  let summary = "attention of the queries of one chunk of a sequence, over keys of all of it";
  let description = [{
    The positions of a sequence are dealt in `count` chunks, block by block: of each `count * block`
    consecutive ones the chunk `number` has those of its number, and their queries are here. Keys and values are of
    the positions `keys` of the whole sequence. The result is what `stc.attention` over all positions has in these
    rows, of the pairs whose keys are there. A number outside the chunks is taken as the nearest one.

    With `from` it goes on from the output and the log-sum-exp of other pairs of these queries: the result is
    that of both.

    ```mlir
    %o, %lse = stc.attention_chunk %q, %k, %v chunk %r of 4 block 16 keys <8, 6, 2> from %o0, %lse0 scale 0.25 pattern <"summary(8, 2)">
        : tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32> from tensor<1x16x2x16xf32>, tensor<1x2x16xf32>
        -> tensor<1x16x2x16xf32>, tensor<1x2x16xf32>
    ```

    Constraints:
    - (C1) query, key and value are as in `stc.attention`, but that keys and values have other positions.
    - (C2) results are as in `stc.attention`; what it goes on from has their types.
    - (C3) `count` and `block` are positive; queries are whole blocks; keys and values are of the positions that
      `keys` has among all, which are a multiple of its period.
  }];
  let arguments = (ins Stc_FloatTensor:$query, Stc_FloatTensor:$key, Stc_FloatTensor:$value,
                       Stc_I32Scalar:$number, Optional<Stc_FloatTensor>:$fromOutput,
                       Optional<Stc_FloatTensor>:$fromLogsumexp, I64Attr:$count, I64Attr:$block, Stc_PositionsAttr:$keys,
                       F32Attr:$scale, Stc_PatternAttr:$pattern, Stc_AttentionLayout:$layout);
  let results = (outs Stc_FloatTensor:$output, Stc_FloatTensor:$logsumexp);
  let assemblyFormat = [{
    $query `,` $key `,` $value `chunk` $number `of` $count `block` $block `keys` $keys (`from` $fromOutput^ `,` $fromLogsumexp)?
    `scale` $scale `pattern` $pattern (`layout` $layout^)? attr-dict
    `:` type($query) `,` type($key) `,` type($value)
    (`from` type($fromOutput)^ `,` type($fromLogsumexp))? `->` type($output) `,` type($logsumexp)
  }];
}

def Stc_AttentionChunkGradOp : Stc_Op<"attention_chunk_grad", [Pure]> {
  let summary = "the gradient of attention of one chunk's queries, by some of their pairs";
  let description = [{
    As `stc.attention_grad`, of the pairs of a `stc.attention_chunk`: output and log-sum-exp are those of all
    pairs of the queries, and the gradients what these pairs give to them.

    ```mlir
    %dq, %dk, %dv = stc.attention_chunk_grad %q, %k, %v, %o, %lse, %do chunk %r of 4 block 8 keys <8, 6, 2> scale 0.25 pattern <"summary(8, 2)">
        : tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32>,
          tensor<1x2x16xf32>, tensor<1x16x2x16xf32>
        -> tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32>, tensor<1x16x2x16xf32>
    ```

    Constraints:
    - (C1) operands are those of a `stc.attention_chunk` and its results; `outputGrad` has the output's type.
    - (C2) results have the types of query, key and value.
    - (C3) `count`, `block` and `keys` are as in `stc.attention_chunk`.
  }];
  let arguments = (ins Stc_FloatTensor:$query, Stc_FloatTensor:$key, Stc_FloatTensor:$value,
                       Stc_FloatTensor:$output, Stc_FloatTensor:$logsumexp, Stc_FloatTensor:$outputGrad,
                       Stc_I32Scalar:$number, I64Attr:$count, I64Attr:$block, Stc_PositionsAttr:$keys,
                       F32Attr:$scale, Stc_PatternAttr:$pattern, Stc_AttentionLayout:$layout);
  let results = (outs Stc_FloatTensor:$queryGrad, Stc_FloatTensor:$keyGrad, Stc_FloatTensor:$valueGrad);
  let assemblyFormat = [{
    $query `,` $key `,` $value `,` $output `,` $logsumexp `,` $outputGrad `chunk` $number `of` $count `block` $block `keys` $keys
    `scale` $scale `pattern` $pattern (`layout` $layout^)? attr-dict `:` type($query) `,` type($key) `,` type($value)
    `,` type($output) `,` type($logsumexp) `,` type($outputGrad)
    `->` type($queryGrad) `,` type($keyGrad) `,` type($valueGrad)
  }];
}

def Stc_AttentionRowOp : Stc_Op<"attention_row", [Pure]> {
  let summary = "attention of one query against the cached keys of its pattern";
  let description = [{
    Row `position` of `stc.attention`, reading only the keys that the pattern holds for it. A position
    outside the keys is taken as the nearest one.

    ```mlir
    %o = stc.attention_row %q, %keys, %values at %p scale 0.25 pattern <"fixed(8, 2)">
        : tensor<1x1x2x16xf32>, tensor<1x64x2x16xf32>, tensor<1x64x2x16xf32> -> tensor<1x1x2x16xf32>
    ```

    Constraints:
    - (C1) query, key and value are as in `stc.attention`, with one query position; key and value may
      have narrower elements.
    - (C2) output has the shape [batch, 1, heads, size] of one position of the value, with the query's heads,
      and its elements or narrower ones.
  }];
  let arguments = (ins Stc_FloatTensor:$query, Stc_FloatTensor:$key, Stc_FloatTensor:$value,
                       Stc_I32Scalar:$position, F32Attr:$scale, Stc_PatternAttr:$pattern,
                       Stc_AttentionLayout:$layout);
  let results = (outs Stc_FloatTensor:$output);
  let assemblyFormat = [{
    $query `,` $key `,` $value `at` $position `scale` $scale `pattern` $pattern (`layout` $layout^)? attr-dict
    `:` type($query) `,` type($key) `,` type($value) `->` type($output)
  }];
}

//===----------------------------------------------------------------------===//
// Gradient and fusion
//===----------------------------------------------------------------------===//

def Stc_DistinctAttr : Attr<CPred<"::llvm::isa<::mlir::DistinctAttr>($_self)">, "distinct attribute"> {
  let storageType = "::mlir::DistinctAttr";
  let returnType = "::mlir::DistinctAttr";
  let convertFromStorage = "$_self";
}

def Stc_PinOp : Stc_Op<"pin", [Pure, SameOperandsAndResultType, Stc_Differentiated]> {
  let summary = "the same value, but one that is equal to no other";
  let description = [{
    What a gradient is taken with respect to is a value, not what it is computed from: with `%y` and
    `%z` both the sine of `%x`, the product's gradient with respect to `%y` is `%z`. No folding sees
    through a pin and no two are the same, so that passes which fold and merge leave it a value of
    its own. The pass `stc-pin-gradients` puts pins where gradients need them, `stc-differentiate`
    takes them away.

    ```mlir
    %p = stc.pin %y distinct[0]<> : tensor<4xf32>
    ```
  }];
  let arguments = (ins Stc_AnyFloatTensor:$input, Stc_DistinctAttr:$identity);
  let results = (outs Stc_AnyFloatTensor:$result);
  let assemblyFormat = "$input $identity attr-dict `:` type($input)";
  let hasVerifier = 0;
}

def Stc_GradientOp : Stc_Op<"gradient", [Pure, AttrSizedOperandSegments]> {
  let summary = "the gradient of a value with respect to others";
  let description = [{
    Replaced by the ops that compute it in the pass `stc-differentiate`. `seed` is the gradient of
    the loss with respect to `of`; without it, `of` is a scalar and the seed is one.

    Each of `wrt` is a value of its own, whatever others are equal to it. Passes that fold or merge
    values keep it so only behind `stc-pin-gradients`.

    ```mlir
    %dw = stc.gradient %loss wrt %w : (tensor<f32>) wrt (tensor<64x64xf32>) -> tensor<64x64xf32>
    ```

    Constraints:
    - (C1) results have the types of `wrt`.
    - (C2) without a seed for each of `of`, there is one `of` and it is a scalar.
    - (C3) there is at least one `of` and one `wrt`.
  }];
  let arguments = (ins Variadic<Stc_AnyFloatTensor>:$of, Variadic<Stc_AnyFloatTensor>:$seeds,
                       Variadic<Stc_AnyFloatTensor>:$wrt);
  let results = (outs Variadic<Stc_AnyFloatTensor>:$gradients);
  let assemblyFormat = [{
    $of (`seed` $seeds^)? `wrt` $wrt attr-dict
    `:` `(` type($of) `)` (`seed` `(` type($seeds)^ `)`)? `wrt` `(` type($wrt) `)` `->` type($gradients)
  }];
}

def Stc_FusedOp : Stc_Op<"fused", [Pure, IsolatedFromAbove,
    SingleBlock]> {
  let summary = "elementwise work and reductions that become one kernel";
  let description = [{
    Made by `stc-fuse-rows`. All tensors are seen as rows of the last dimension of one iteration
    space `space`; ops inside are elementwise ops of arith and math, `stc.broadcast`, `stc.reduce`,
    `stc.iota` and `stc.random`.

    ```mlir
    %s = stc.fused space [8, 64] (%a = %x : tensor<8x64xf32>) -> (tensor<8xf32>) {
      %square = arith.mulf %a, %a : tensor<8x64xf32>
      %sum = stc.reduce sum %square dims [1] : tensor<8x64xf32> to tensor<8xf32>
      stc.yield %sum : tensor<8xf32>
    }
    ```

    Constraints:
    - (C1) operands and block arguments, yielded values and results have equal types.
    - (C2) only ops that the row kernels can compute stand inside.
  }];
  let arguments = (ins Variadic<Stc_Tensor>:$inputs, DenseI64ArrayAttr:$space);
  let results = (outs Variadic<Stc_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
}

def Stc_FusedProductOp : Stc_Op<"fused_product", [Pure, IsolatedFromAbove, SingleBlock]> {
  let summary = "a product of few rows and the row work around it, one kernel";
  let description = [{
    Made by `stc-fuse-products`. What computes the rows of the left operand, if anything does, is a
    `stc.fused`; another one makes the results of the product, element for element. The weights may be
    wide: then they are rounded on the way.

    ```mlir
    %y = stc.fused_product (%a = %x : tensor<8x64xf32>, %b = %w : tensor<32x64xf32>, %c = %bias : tensor<32xf32>) -> (tensor<8x32xf32>) {
      %lhs = stc.fused space [8, 64] (%d = %a : tensor<8x64xf32>) -> (tensor<8x64xbf16>) {
        %narrow = arith.truncf %d : tensor<8x64xf32> to tensor<8x64xbf16>
        stc.yield %narrow : tensor<8x64xbf16>
      }
      %rhs = arith.truncf %b : tensor<32x64xf32> to tensor<32x64xbf16>
      %product = stc.matmul %lhs, %rhs transpose_rhs : tensor<8x64xbf16>, tensor<32x64xbf16> -> tensor<8x32xbf16>
      %result = stc.fused space [8, 32] (%d = %product : tensor<8x32xbf16>, %e = %c : tensor<32xf32>) -> (tensor<8x32xf32>) {
        %wide = arith.extf %d : tensor<8x32xbf16> to tensor<8x32xf32>
        %biases = stc.broadcast %e dims [1] : tensor<32xf32> to tensor<8x32xf32>
        %sum = arith.addf %wide, %biases : tensor<8x32xf32>
        stc.yield %sum : tensor<8x32xf32>
      }
      stc.yield %result : tensor<8x32xf32>
    }
    ```

    Constraints:
    - (C1) operands and block arguments, yielded values and results have equal types.
    - (C2) the region holds, in this order: a `stc.fused` if the left operand is computed, an
      `arith.truncf` if the weights are rounded, a `stc.matmul`, and a `stc.fused` whose results
      are those of the op.
    - (C3) the product is of f16 or bf16; `rhs` has rank 2 and is transposed, `lhs` is not.
    - (C4) weights, and a left operand that is not computed, are arguments.
    - (C5) the last `stc.fused` is over the shape of the product, and reduces nothing.
  }];
  let arguments = (ins Variadic<Stc_Tensor>:$inputs);
  let results = (outs Variadic<Stc_Tensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    ::stc::MatmulOp getProduct();
    /// What computes the left operand, or null.
    ::stc::FusedOp getBefore();
    ::stc::FusedOp getAfter();
    /// The operand that is the product's right one, before it is rounded.
    ::mlir::BlockArgument getWeights();
  }];
}

def Stc_YieldOp : Op<Stc_Dialect, "yield", [Pure, Terminator,
    ParentOneOf<["FusedOp", "FusedProductOp"]>]> {
  let summary = "the results of a fused region";
  let arguments = (ins Variadic<Stc_Tensor>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

//===----------------------------------------------------------------------===//
// Collectives
//===----------------------------------------------------------------------===//

include "dialects/Stc/StcCollectives.td"

#endif
