//===- Stc.td - the stc dialect: attributes -----------------*- tablegen -*-===//
//
// What the user means: tensors, attention over a sparsity pattern, and the variables of a model.
//
//===----------------------------------------------------------------------===//
#ifndef STC_DIALECTS_STC_TD
#define STC_DIALECTS_STC_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/TensorEncoding.td"

def Stc_Dialect : Dialect {
  let name = "stc";
  let cppNamespace = "::stc";
  let summary = "Autoregressive transformers with sparse attention, as a user means them";
  let description = [{
    Values are ranked tensors of static shape. Elementwise arithmetic is that of the `arith` and
    `math` dialects on tensors; this dialect adds what they lack: attention over a pattern, dense
    products, reductions, variables, and the gradient as an op.

    Integers wrap. Their division, which `arith` leaves undefined where it has no value, is defined
    for all operands and the same on every target: by zero a quotient is -1 (all bits are ones) and a
    remainder the dividend; the most negative number divided by -1 is itself, and the remainder 0. A
    shift by as many bits as there are, or more, and a float that becomes an integer which cannot
    hold it have some value, not the same on every target.

    Attention is written unfused, as in the paper (arXiv 1904.10509, Eqs. 2 to 4): `stc.scores`
    over a pattern, `stc.softmax`, `stc.aggregate`. The pass `stc-fuse-softmax` makes it one
    `stc.attention`. The tensor of scores is never dense: its type carries the pattern as encoding,
    and only the pairs that the pattern holds exist.

    Queries, keys and values have shape [batch, positions, heads, size], or with
    `layout head_major` [batch, heads, positions, size]. Keys and values may have fewer heads than
    queries, which then share them in groups: of H heads of queries and K of keys, where K divides
    H, head h of the queries reads head h / (H / K) of the keys.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
}

class Stc_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Stc_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def Stc_PatternAttr : Stc_Attr<"Pattern", "pattern", [
    DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let summary = "a sparsity pattern between query and key positions, as text";
  let description = [{
    One pattern for all heads, or several that the heads take in turn (head `h` takes pattern
    `h mod count`). Of `summary_by_head(l, c)` and `fixed_by_head(l, c)` each head that takes it has
    the next of the sub-blocks, from the last of a block on. The text is that of the pattern library: constructors `dense`, `local(w)`,
    `dilated(w, d)`, `stride(l)`, `strided(l)`, `block(l)`, `blocks(l, k)`, `summary(l, c)`,
    `fixed(l, c)`, `summary(l, c, s)`, `fixed(l, c, s)`, `sinks(k)`, `global(k)`, `global(k, l)`, `longnet(w, a)`, `longnet(w, a, s)`,
    `axial(w)`, `neighborhood(h, w, k)`, `neighborhood(h, w, kh, kw)`, the operators `|`, `&`, `-`,
    and isl's notation of sets.

    ```mlir
    #stc.pattern<"fixed(128, 32)">
    #stc.pattern<"local(128)", "stride(128)">
    #stc.pattern<"{ [i] -> [j] : 0 <= i - j <= 64 and (i - j) mod 4 = 0 }">
    ```

    As the encoding of a tensor it says which (query, key) pairs of the last two dimensions exist.
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::StringAttr">:$heads);
  let assemblyFormat = "`<` $heads `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The patterns that so many heads take in turn, without repetitions.
    std::vector<std::string> inTurn(int64_t heads) const;
  }];
}

def Stc_PositionsAttr : Stc_Attr<"Positions", "positions"> {
  let summary = "the same positions of each period of a sequence";
  let description = [{
    `<period, first, width>` are the positions p with first <= p mod period < first + width, in their order:
    `<1, 0, 1>` are all of them, `<l, l - c, c>` the last c of each block of l.
  }];
  let parameters = (ins "int64_t":$period, "int64_t":$first, "int64_t":$width);
  let assemblyFormat = "`<` $period `,` $first `,` $width `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// How many there are below n, a multiple of the period.
    int64_t below(int64_t n) const { return n / getPeriod() * getWidth(); }
    bool areAll() const { return getWidth() == getPeriod(); }
    bool contains(int64_t position) const {
      const int64_t place = position % getPeriod() - getFirst();
      return 0 <= place && place < getWidth();
    }
    /// The number of a position among them.
    int64_t numberOf(int64_t position) const {
      return position / getPeriod() * getWidth() + position % getPeriod() - getFirst();
    }
  }];
}

def Stc_Role : I32EnumAttr<"Role", "what a variable is for", [
    I32EnumAttrCase<"Parameter", 0, "parameter">,
    I32EnumAttrCase<"Optimizer", 1, "optimizer">,
    I32EnumAttrCase<"Counter", 2, "counter">,
    I32EnumAttrCase<"Scratch", 3, "scratch">,
    I32EnumAttrCase<"Rank", 4, "rank">]> {
  let cppNamespace = "::stc";
}

def Stc_Reduction : I32EnumAttr<"Reduction", "how elements are combined", [
    I32EnumAttrCase<"Sum", 0, "sum">,
    I32EnumAttrCase<"Max", 1, "max">]> {
  let cppNamespace = "::stc";
}

def Stc_Layout : I32EnumAttr<"Layout", "in which order attention's tensors have positions and heads", [
    I32EnumAttrCase<"TokenMajor", 0, "token_major">,
    I32EnumAttrCase<"HeadMajor", 1, "head_major">]> {
  let cppNamespace = "::stc";
}

def Stc_Distribution : I32EnumAttr<"Distribution", "a distribution of random numbers", [
    I32EnumAttrCase<"Uniform", 0, "uniform">,
    I32EnumAttrCase<"Normal", 1, "normal">]> {
  let cppNamespace = "::stc";
}

#endif
