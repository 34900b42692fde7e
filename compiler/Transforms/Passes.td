//===- Passes.td - passes from stc to stc -------------------*- tablegen -*-===//
#ifndef STC_TRANSFORMS_PASSES_TD
#define STC_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def CheckSizes : Pass<"stc-check-sizes", "::mlir::ModuleOp"> {
  let summary = "Refuse tensors that are larger than what a process can address";
  let description = [{
    Tensors of more than 2^47 bytes are an error. Whatever comes later adds and multiplies sizes in 64
    bits. Tensors with a pattern are left alone, because they never stand in memory.

    ```mlir
    func.func @negate(%x: tensor<64xf32>) -> tensor<64xf32> {
      %y = arith.negf %x : tensor<64xf32>
      return %y : tensor<64xf32>
    }
    ```

    stays as it is.
  }];
  let dependentDialects = ["::stc::StcDialect"];
}

def PinGradients : Pass<"stc-pin-gradients", "::mlir::func::FuncOp"> {
  let summary = "Keep the values that gradients are taken with respect to apart from equal ones";
  let description = [{
    Each value that a `stc.gradient` is taken with respect to and that is no argument gets a `stc.pin`,
    which all its users read instead. Runs before the first pass that folds or merges values: those
    would make one of two equal values, and the gradient with respect to one that with respect to both.

    ```mlir
    func.func @f(%x: tensor<4xf32>) -> tensor<4xf32> {
      %y = math.sin %x : tensor<4xf32>
      %z = math.sin %x : tensor<4xf32>
      %p = arith.mulf %y, %z : tensor<4xf32>
      %l = stc.reduce sum %p dims [0] : tensor<4xf32> to tensor<f32>
      %g = stc.gradient %l wrt %y : (tensor<f32>) wrt (tensor<4xf32>) -> tensor<4xf32>
      return %g : tensor<4xf32>
    }
    ```

    becomes

    ```mlir
    %y = math.sin %x : tensor<4xf32>
    %pin = stc.pin %y distinct[0]<> : tensor<4xf32>
    %z = math.sin %x : tensor<4xf32>
    %p = arith.mulf %pin, %z : tensor<4xf32>
    %l = stc.reduce sum %p dims [0] : tensor<4xf32> to tensor<f32>
    %g = stc.gradient %l wrt %pin : (tensor<f32>) wrt(tensor<4xf32>) -> tensor<4xf32>
    return %g : tensor<4xf32>
    ```
  }];
  let dependentDialects = ["::stc::StcDialect"];
}

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
          -> tensor<1x64x2x16xf32>
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

def AddGradient : Pass<"stc-add-gradient", "::mlir::ModuleOp"> {
  let summary = "Add the gradient of each function as a function of its own";
  let description = [{
    For a public function `@f` over tensors that writes no variable, adds `@f.grad`. Its arguments are
    those of `@f`, then for each result of floats the gradient of a loss with respect to it; its
    results are the gradients of that loss with respect to each argument of floats. An argument or
    result `x` has a gradient with the `stc.name` `grad_x`, where values without a name are `arg0`,
    `result0`, and so on.

    ```mlir
    func.func @square(%x: tensor<8xf32>) -> (tensor<8xf32> {stc.name = "y"}) {
      %0 = arith.mulf %x, %x : tensor<8xf32>
      return %0 : tensor<8xf32>
    }
    ```

    gets beside it

    ```mlir
    func.func @square.grad(%x: tensor<8xf32>, %dy: tensor<8xf32> {stc.name = "grad_y"})
        -> (tensor<8xf32> {stc.name = "grad_arg0"}) {
      %y = arith.mulf %x, %x : tensor<8xf32>
      %dx = stc.gradient %y seed %dy wrt %x : (tensor<8xf32>) seed(tensor<8xf32>) wrt(tensor<8xf32>) -> tensor<8xf32>
      return %dx : tensor<8xf32>
    }
    ```

    Runs before `stc-differentiate`, which computes the gradient, zeros where a result does not depend on
    an argument.
  }];
  let dependentDialects = ["::stc::StcDialect"];
  let options = [
    ListOption<"functions", "functions", "std::string",
               "Functions to differentiate; without it, all public ones that have arguments and results of "
               "floats and write no variable">];
}

def Differentiate : Pass<"stc-differentiate", "::mlir::func::FuncOp"> {
  let summary = "Compute gradients by ops in place of stc.gradient";
  let description = [{
    Each `stc.gradient` becomes the ops that compute it, from the last op that leads to the
    differentiated value back to the first, through the interface `Differentiable`. Values that
    `stc.stop_gradient` passes on count as constants; it is gone afterwards, and so are pins.
  }];
  let dependentDialects = ["::stc::StcDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def InsertRecompute : Pass<"stc-insert-recompute", "::mlir::func::FuncOp"> {
  let summary = "Compute forward values again in the backward pass instead of keeping them";
  let description = [{
    Works on a function with a backward pass (ops marked by `stc-differentiate`), before fusion. What the
    backward pass needs of the forward pass is kept or computed again just before its first use
    (paper, Sec. 5.4). Random ops give the same numbers again, because they depend on nothing but
    their key.

    - `none` keeps all.
    - `block` keeps what goes from one residual block to another (ops marked `stc.block`), nothing inside.
    - `cheapest` computes `drop` values again, or all that there are but those that `block` keeps of
      marked ops: first what costs the fewest operations a byte.

    The marks are gone afterwards. Nothing may merge equal ops after this pass.
  }];
  let options = [
    Option<"policy", "policy", "std::string", /*default=*/"\"none\"", "none, block or cheapest">,
    Option<"drop", "drop", "int64_t", /*default=*/"0",
           "How many values are computed again, for policy cheapest">];
  let dependentDialects = ["::stc::StcDialect"];
}

def LowerPrecision : Pass<"stc-lower-precision", "::mlir::func::FuncOp"> {
  let summary = "Do products and attention of float32 in a narrower type";
  let description = [{
    Mixed precision (paper, Sec. 5.6). The operands of `stc.matmul` and `stc.attention` in f32 are
    rounded to the type `compute`, and their results widened to f32 again; variables, norms, losses and
    all other work stay in f32, and so does `stc.attention_row`, and attention to keys that are written to a
    variable: the first of its caches. Where all that reads the output of
    `stc.attention_row` is rounded operands, the op writes it rounded. Values that attention reads as
    parts of a wider tensor are rounded before they are taken apart.

    Runs after `stc-fuse-softmax` and before `stc-differentiate`, so that gradients are rounded where
    their values were.

    ```mlir
    func.func @linear(%x: tensor<64x32xf32>, %w: tensor<48x32xf32>) -> tensor<64x48xf32> {
      %y = stc.matmul %x, %w transpose_rhs : tensor<64x32xf32>, tensor<48x32xf32> -> tensor<64x48xf32>
      return %y : tensor<64x48xf32>
    }
    ```

    becomes with `compute=bf16`

    ```mlir
    %a = arith.truncf %x : tensor<64x32xf32> to tensor<64x32xbf16>
    %b = arith.truncf %w : tensor<48x32xf32> to tensor<48x32xbf16>
    %c = stc.matmul %a, %b transpose_rhs : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xbf16>
    %y = arith.extf %c : tensor<64x48xbf16> to tensor<64x48xf32>
    return %y : tensor<64x48xf32>
    ```
  }];
  let dependentDialects = ["::stc::StcDialect", "::mlir::arith::ArithDialect"];
  let options = [
    Option<"compute", "compute", "std::string", /*default=*/"\"bf16\"", "f32 (changes nothing), bf16 or f16">];
}

def NarrowCaches : Pass<"stc-narrow-caches", "::mlir::ModuleOp"> {
  let summary = "Keep keys and values for sampling in a narrower type";
  let description = [{
    Scratch variables in f32 that `stc.attention_row` alone reads, as keys or values with a row inserted,
    have the type `compute` instead, and what is written to them is rounded, as training rounds it. The
    query stays f32, and so do the products with it (paper, Sec. 5.6). Of what a step of sampling reads
    the caches are the most. For GPUs: the CPU's products are of f32.

    ```mlir
    %v = stc.read @cache.value : tensor<1x64x2x16xf32>
    %n = stc.insert_row %row into %v at %p : tensor<1x1x2x16xf32> into tensor<1x64x2x16xf32>
    ```

    becomes with `compute=bf16`

    ```mlir
    %r = arith.truncf %row : tensor<1x1x2x16xf32> to tensor<1x1x2x16xbf16>
    %v = stc.read @cache.value : tensor<1x64x2x16xbf16>
    %n = stc.insert_row %r into %v at %p : tensor<1x1x2x16xbf16> into tensor<1x64x2x16xbf16>
    ```
  }];
  let dependentDialects = ["::stc::StcDialect", "::mlir::arith::ArithDialect"];
  let options = [Option<"compute", "compute", "std::string", /*default=*/"\"bf16\"", "f32 (changes nothing), bf16 or f16">];
}

def WidenProducts : Pass<"stc-widen-products", "::mlir::func::FuncOp"> {
  let summary = "Do products and attention of narrow floats in f32, rounded as before";
  let description = [{
    For a target without products of bf16 and f16: operands of `stc.matmul`, `stc.attention`,
    `stc.attention_grad` and `stc.attention_row` in these types are widened to f32, the op is done in
    f32, and its results are rounded to the narrow type. As before, whatever goes in and comes out has
    the precision of the narrow type.

    Runs after `stc-differentiate` and before `stc-insert-recompute`.

    ```mlir
    func.func @product(%a: tensor<64x32xbf16>, %b: tensor<48x32xbf16>) -> tensor<64x48xbf16> {
      %c = stc.matmul %a, %b transpose_rhs : tensor<64x32xbf16>, tensor<48x32xbf16> -> tensor<64x48xbf16>
      return %c : tensor<64x48xbf16>
    }
    ```

    becomes

    ```mlir
    %x = arith.extf %a : tensor<64x32xbf16> to tensor<64x32xf32>
    %w = arith.extf %b : tensor<48x32xbf16> to tensor<48x32xf32>
    %y = stc.matmul %x, %w transpose_rhs : tensor<64x32xf32>, tensor<48x32xf32> -> tensor<64x48xf32>
    %c = arith.truncf %y : tensor<64x48xf32> to tensor<64x48xbf16>
    return %c : tensor<64x48xbf16>
    ```
  }];
  let dependentDialects = ["::stc::StcDialect", "::mlir::arith::ArithDialect"];
}

def Distribute : Pass<"stc-distribute", "::mlir::ModuleOp"> {
  let summary = "Deal functions over the devices of an axis";
  let description = [{
    Each function becomes what one of `count` devices does, and computes what it did on one: exactly,
    but for the order of sums. `stc.dealt` on an input, a result or a variable says along which
    dimension it is cut into equal parts, one on each device, for each axis; all else that functions
    read, write and return is whole on every device. Along each op, in order:

    - what is elementwise, and products, reductions, tables and attention, are done on parts where an
      operand is in parts, and give parts;
    - products and sums over a dimension that is in parts give summands: the result is their sum, which
      stays undone through ops that are linear, one after the other, and is then taken by
      `stc.all_reduce`, or by `stc.reduce_scatter` where parts are asked for;
    - attention that is dealt by positions is done in one of two ways, as `exchange` says, an
      error where it cannot be, or else the one that costs less. By rows each device has the queries of its positions: over keys of its own by `stc.attention`,
      and over those of other devices that the pattern asks for by `stc.attention_chunk`, for which they are
      gathered. By heads queries, keys and values are sent so that each device has some heads of all positions
      (`stc.all_to_all`), and what comes out is sent back; that needs to know nothing of the pattern, if the
      heads of each device take all patterns in turn;
    - what is in parts along one dimension and asked for in parts along another is sent by `stc.all_to_all`;
    - what is asked for whole and is in parts is put together by `stc.all_gather`, and parts of what is
      whole are cut by `stc.all_slice`, or never made whole (constants and repetitions);
    - ops that this pass does not know have whole operands.

    Summands of f32 are scattered in `scattered-type`.

    With `share-state` each parameter and each variable of the optimizer is dealt along its first
    dimension, if devices divide it, so that a part is a run of memory. Where one is dealt, summands are scattered before the first op that is
    not linear, so that each device updates its part. A parameter that is dealt is whole for all ops but
    elementwise ones: it is gathered, once, and after the casts that products ask for. For several axes the pass runs once for each. Runs
    after `stc-differentiate`. An error at a size or at heads that the devices do not divide, and at attention of
    one query that is not dealt by sequences.

    ```mlir
    func.func @step(%x: tensor<8x16xf32> {stc.dealt = {data = 0}}, %w: tensor<4x16xf32>) -> tensor<f32> {
      %y = stc.matmul %x, %w transpose_rhs : tensor<8x16xf32>, tensor<4x16xf32> -> tensor<8x4xf32>
      %s = stc.reduce sum %y dims [0, 1] : tensor<8x4xf32> to tensor<f32>
      %e = math.exp %s : tensor<f32>
      return %e : tensor<f32>
    }
    ```

    becomes, with `axis=data count=4`,

    ```mlir
    func.func @step(%x: tensor<2x16xf32> {stc.dealt = {data = 0 : i64}}, %w: tensor<4x16xf32>) -> tensor<f32> {
      %y = stc.matmul %x, %w transpose_rhs : tensor<2x16xf32>, tensor<4x16xf32> -> tensor<2x4xf32>
      %s = stc.reduce sum %y dims [0, 1] : tensor<2x4xf32> to tensor<f32>
      %t = stc.all_reduce sum %s over "data" of 4 : tensor<f32>
      %e = math.exp %t : tensor<f32>
      return %e : tensor<f32>
    }
    ```
  }];
  let options = [
    Option<"axis", "axis", "std::string", "", "the axis of devices">,
    Option<"count", "count", "int64_t", "1", "how many devices are along it">,
    Option<"shareState", "share-state", "bool", "false", "deal parameters and the optimizer's variables">,
    Option<"scatteredType", "scattered-type", "std::string", "\"f32\"",
           "in which summands of f32 are scattered: f32, bf16 or f16">,
    Option<"exchange", "exchange", "std::string", "\"auto\"",
           "what attention of dealt positions exchanges: auto, heads or rows">,
    Option<"block", "block", "int64_t", "0",
           "positions of the blocks that devices take in turn, where they have whole ones; 0: what is fastest">
  ];
  let dependentDialects = ["::stc::StcDialect", "::mlir::arith::ArithDialect"];
}

def CountFlops : Pass<"stc-count-flops", "::mlir::func::FuncOp"> {
  let summary = "Count the floating-point operations of products and attention";
  let description = [{
    Writes on the function, as `stc.model_flops`, what its model costs: for each `stc.matmul`
    2 m n k, and for each pair of a pattern two products forward and four in the gradient, of 2 d each
    for heads of d elements. That gradients compute scores again is not in it. A function is left alone
    that has none of these ops, or a pattern whose pairs could not be counted.

    Runs before `stc-insert-recompute`: what that adds is not the model's.

    ```mlir
    func.func @product(%a: tensor<64x32xf32>, %b: tensor<48x32xf32>) -> tensor<64x48xf32> {
      %c = stc.matmul %a, %b transpose_rhs : tensor<64x32xf32>, tensor<48x32xf32> -> tensor<64x48xf32>
      return %c : tensor<64x48xf32>
    }
    ```

    gets `attributes {stc.model_flops = 196608 : i64}`.
  }];
}

def LowerRanks : Pass<"stc-lower-ranks", "::mlir::ModuleOp"> {
  let summary = "Read a device's number from a variable";
  let description = [{
    `stc.rank over "data"` becomes a read of the variable `rank.data`, which whoever runs the functions writes
    before. Equal reads are one value, and kernels take it as any other.
  }];
}

def BoundIndices : Pass<"stc-bound-indices", "::mlir::func::FuncOp"> {
  let summary = "Say below what the indices in a function's arguments have to be";
  let description = [{
    Writes on an argument that is the index of a `stc.gather`, or the position of a `stc.insert_row` or
    `stc.attention_row`, by itself or reshaped, the least number of rows or positions that it chooses from,
    as `stc.below`. Whoever runs the function refuses other elements, which the ops would take as the nearest
    one. An argument that has a smaller bound keeps it: what is a class and no row of a table, its writer
    alone knows. Computed indices are nobody's input.

    ```mlir
    func.func @embed(%table: tensor<257x64xf32>, %tokens: tensor<128xi32>) -> tensor<128x64xf32> {
      %e = stc.gather %table, %tokens : tensor<257x64xf32>, tensor<128xi32> -> tensor<128x64xf32>
      return %e : tensor<128x64xf32>
    }
    ```

    gets `%tokens: tensor<128xi32> {stc.below = 257 : i64}`.
  }];
}

def FuseProducts : Pass<"stc-fuse-products", "::mlir::func::FuncOp"> {
  let summary = "Make products of few rows, and what is around them, one op each";
  let description = [{
    For a GPU, where a product of few rows takes no longer than the start of its kernel: each becomes a
    `stc.fused_product` with the norm or whatever else computes its left operand, the rounding of
    its weights, and what is done to each element of its result. A left operand that something else
    needs too, or that needs random numbers, stays in memory, and so do rows of more than 1024 columns;
    results are taken until the first op that needs more than one element of them. Products of float32,
    of many rows, or with weights that are not transposed stay as they are.

    ```mlir
    func.func @project(%x: tensor<8x64xf32>, %w: tensor<32x64xf32>, %bias: tensor<32xf32>) -> tensor<8x32xf32> {
      %lhs = arith.truncf %x : tensor<8x64xf32> to tensor<8x64xbf16>
      %rhs = arith.truncf %w : tensor<32x64xf32> to tensor<32x64xbf16>
      %product = stc.matmul %lhs, %rhs transpose_rhs : tensor<8x64xbf16>, tensor<32x64xbf16> -> tensor<8x32xbf16>
      %wide = arith.extf %product : tensor<8x32xbf16> to tensor<8x32xf32>
      %biases = stc.broadcast %bias dims [1] : tensor<32xf32> to tensor<8x32xf32>
      %sum = arith.addf %wide, %biases : tensor<8x32xf32>
      return %sum : tensor<8x32xf32>
    }
    ```

    becomes a `stc.fused_product` of `%x`, `%w` and `%bias`, and the narrow copy of the weights is gone.
  }];
  let dependentDialects = ["::stc::StcDialect"];
}

def FuseRows : Pass<"stc-fuse-rows", "::mlir::func::FuncOp"> {
  let summary = "Make elementwise ops, broadcasts and reductions one op for each kernel";
  let description = [{
    Every value that something other than a row kernel reads, every reduction over more than the last
    dimension, and every shared value that is cheaper to load than to compute again becomes a result
    of a `stc.fused`, whose body is all that computes it from values in memory. Results over the same
    space join one `stc.fused` where they read the same values and the order allows it.

    A chain that is too long for one kernel is cut: no `stc.fused` does more than 512 units of work for an
    element. An op counts 1, a function of the math dialect 8, a random number 30, and what a reduction
    of rows sweeps over counts once more for each such reduction that comes after it.
  }];
  let dependentDialects = ["::stc::StcDialect"];
}

#endif
