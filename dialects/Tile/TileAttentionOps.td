//===- TileAttentionOps.td - attention over tiles -----------*- tablegen -*-===//
#ifndef STC_DIALECTS_TILE_ATTENTION_OPS_TD
#define STC_DIALECTS_TILE_ATTENTION_OPS_TD

include "dialects/Tile/Tile.td"

def Tile_ViewAttr : AttrDef<Tile_Dialect, "View"> {
  let mnemonic = "view";
  let summary = "an affine change of coordinates between positions and (residue, row)";
  let description = [{
    `position(r, a) = period * floor(a / width) + first + width * r + a mod width` for residues
    `0 <= r < residues`. `<1, 0, 1, 1>` is the identity; `<l, 0, 1, l>` takes the residues of a stride
    apart, `<k * l, 0, l, k>` every k-th block of l; `<l, l - c, c, 1>` are the last c positions of each
    block of l, compacted.

    Short residues stand side by side: row a of residue r of `<l, 0, 1, l / p, p x e>` is row a mod e of
    the stride's residue r * p + a / e.
  }];
  let parameters = (ins "int64_t":$period, "int64_t":$first, "int64_t":$width, "int64_t":$residues,
                        DefaultValuedParameter<"int64_t", "1">:$together,
                        DefaultValuedParameter<"int64_t", "0">:$rowsEach);
  let assemblyFormat = [{
    `<` $period `,` $first `,` $width `,` $residues (`,` $together^ `x` $rowsEach)? `>`
  }];
}

def Tile_ResidueMapAttr : AttrDef<Tile_Dialect, "ResidueMap"> {
  let mnemonic = "residues";
  let summary = "which residue of the other axis a residue r of k meets: (factor * r + shift) mod k";
  let description = [{
    The factor is in [1, k) and has an inverse modulo k, the shift in [0, k).
  }];
  let parameters = (ins "int64_t":$factor, "int64_t":$shift);
  let assemblyFormat = "`<` $factor `,` $shift `>`";
}

class Tile_ScheduleAttr<string name> : AttrDef<Tile_Dialect, name> {
  let genVerifyDecl = 1;
}

def Tile_WgmmaAttr : Tile_ScheduleAttr<"Wgmma"> {
  let mnemonic = "wgmma";
  let summary = "attention by products of warpgroups and the copy engine";
  let description = [{
    A block has `groups` warpgroups that compute, each 64 rows of the op's tile, and one that copies. Tiles of the other axis
    have `rows` rows, `stages` of them are in flight, and `items` of what is copied once for an item. Registers are
    meant for `blocks` blocks on a multiprocessor.

    ```mlir
    #tile.wgmma<groups 2, blocks 1, rows 128, stages 2, items 2>
    ```

    Constraints:
    - (C1) all numbers are positive.
  }];
  let parameters = (ins "int64_t":$groups, "int64_t":$blocks, "int64_t":$rows, "int64_t":$stages,
                        DefaultValuedParameter<"int64_t", "1">:$items);
  let assemblyFormat = [{
    `<` `groups` $groups `,` `blocks` $blocks `,` `rows` $rows `,` `stages` $stages (`,` `items` $items^)? `>`
  }];
}

def Tile_MmaSyncAttr : Tile_ScheduleAttr<"MmaSync"> {
  let mnemonic = "mma_sync";
  let summary = "attention by products and copies of single warps";
  let description = [{
    A block has `warps` warps, each of `parts` times 16 rows of the op's tile. Tiles of the other axis have `rows` rows, of which the
    scores of `scores` are computed at once, and `stages` of them are in shared memory. Registers are meant for `blocks` blocks
    on a multiprocessor.

    ```mlir
    #tile.mma_sync<warps 4, parts 2, rows 64, scores 32, stages 2, blocks 2>
    ```

    Constraints:
    - (C1) all numbers are positive.
  }];
  let parameters = (ins "int64_t":$warps, "int64_t":$parts, "int64_t":$rows, "int64_t":$scores,
                        "int64_t":$stages, "int64_t":$blocks);
  let assemblyFormat = [{
    `<` `warps` $warps `,` `parts` $parts `,` `rows` $rows `,` `scores` $scores `,` `stages` $stages `,`
    `blocks` $blocks `>`
  }];
}

// How a GPU does it, once that is decided.
def Tile_Schedule : OptionalAttr<AnyAttrOf<[Tile_WgmmaAttr, Tile_MmaSyncAttr]>>;

def Tile_AttentionBuffer : StridedMemRefRankOf<[F32, F64, BF16, F16], [4]>;
def Tile_RowBuffer : StridedMemRefRankOf<[F32, F64], [3]>;

// Buffers that an op reads, writes, or may go on from.
def Tile_In : Arg<Tile_AttentionBuffer, "", [MemRead]>;
def Tile_Out : Arg<Tile_AttentionBuffer, "", [MemWrite]>;
def Tile_InOut : Arg<Tile_AttentionBuffer, "", [MemRead, MemWrite]>;
def Tile_OptionalOut : Arg<Optional<Tile_AttentionBuffer>, "", [MemWrite]>;
def Tile_OptionalInOut : Arg<Optional<Tile_AttentionBuffer>, "", [MemRead, MemWrite]>;
def Tile_RowIn : Arg<Tile_RowBuffer, "", [MemRead]>;
def Tile_RowOut : Arg<Tile_RowBuffer, "", [MemWrite]>;
def Tile_RowInOut : Arg<Tile_RowBuffer, "", [MemRead, MemWrite]>;

def Tile_WalkOp : Tile_Op<"walk", [ParentOneOf<["AttentionOp", "AttentionGradOp", "AttentionKeyGradOp",
                                                "AttentionQueryGradOp", "AttentionRowOp"]>,
                                   NoTerminator]> {
  let summary = "one dense part of a pattern: which key rows a strip of query rows meets";
  let description = [{
    `bounds` gets the residue and the number t of a strip of `strip` query rows, and yields
    `lo, fullLo, fullHi, hi`: key rows outside [lo, hi) hold no pair with the strip; those in
    [fullLo, fullHi) hold every pair with the strip's existing rows and need no mask. `mask` gets the
    residue, a query row and a key row and yields whether the pair exists. Rows are those of the views.
    In `tile.attention_key_grad` it is the other way around: strips are of key rows, the view and the
    ranges are those of queries.

    The residue, of `bounds` and `mask` too, is that of the item, in the op's own view. The rows of the
    walk's view are those of the same residue, or of that to which `residue` takes it: with
    `residue <1, 7>` and 8 residues, item residue r meets the walk's residue (r + 7) mod 8.

    Where the op's view has one residue, its positions do not depend on the item's, which then is a
    number that the item has of something else. Of its head: heads whose patterns differ in constants, or in
    which residue of the walk's view they meet, share a kernel. Or of the device: queries are those of a chunk
    of a sequence, and keys those of all of it.

    Where the strip meets several ranges of key rows, `ranges` gets the residue and the strip too, and
    yields `begin, end, longest`: `bounds` gets one of the numbers in [begin, end) besides and yields that
    range, which is of `longest` rows at most, and `mask` gets it and yields whether the pair exists and
    has that number. Ranges may have rows in common, but a pair has one number.

    ```mlir
    tile.walk view <1, 0, 1, 1> bounds {
    ^bb0(%r: index, %t: index):
      %lo = arith.constant 0 : index
      %rows = arith.constant 64 : index
      %fullHi = arith.muli %t, %rows : index
      %hi = arith.addi %fullHi, %rows : index
      tile.yield %lo, %lo, %fullHi, %hi : index, index, index, index
    } mask {
    ^bb0(%r: index, %a: index, %b: index):
      %in = arith.cmpi sle, %b, %a : index
      tile.yield %in : i1
    }
    ```

    Constraints:
    - (C1) `bounds` has two index arguments and yields four; `mask` has three and yields an i1; each has
      one more with `ranges`, which has two and yields three.
    - (C2) `residue` maps the residues of the view one to one, and none of these stand side by side.
  }];
  let arguments = (ins Tile_ViewAttr:$view, OptionalAttr<Tile_ResidueMapAttr>:$residue);
  let regions = (region MaxSizedRegion<1>:$ranges, SizedRegion<1>:$bounds, SizedRegion<1>:$mask);
  let assemblyFormat = [{
    `view` $view (`residue` $residue^)? (`ranges` $ranges^)? `bounds` $bounds `mask` $mask attr-dict
  }];
  let extraClassDeclaration = [{
    bool hasRanges() { return !getRanges().empty(); }
  }];
}

def Tile_YieldOp : Op<Tile_Dialect, "yield", [Pure, Terminator, ParentOneOf<["WalkOp"]>]> {
  let summary = "the values of a region";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "($values^ `:` type($values))? attr-dict";
}

def Tile_LookupOp : Op<Tile_Dialect, "lookup", [Pure]> {
  let summary = "an element of a table";
  let description = [{
    Numbers that have no closed form, such as the tiles of a pattern that repeats nowhere. An index
    outside the table, which has elements, reads its first or its last one.

    ```mlir
    %tile = tile.lookup %number of [0, 1, 3, 7]
    ```
  }];
  let arguments = (ins Index:$index, ConfinedAttr<DenseI32ArrayAttr, [DenseArrayMinCt<1>]>:$table);
  let results = (outs Index:$element);
  let assemblyFormat = "$index `of` $table attr-dict";
}

class Tile_AttentionLike<string mnemonic, list<Trait> traits = []>
    : Tile_Op<mnemonic, traits # [NoTerminator, SingleBlock]> {
  let regions = (region SizedRegion<1>:$walks);
  let extraClassDeclaration = [{
    /// The numbers of queries and of keys, and the sizes of a query (or key) and of a value.
    int64_t getQueries() { return getQuery().getType().getDimSize(1); }
    int64_t getKeys() { return getKey().getType().getDimSize(1); }
    int64_t getQuerySize() { return getKey().getType().getDimSize(3); }
    int64_t getValueSize() { return getValue().getType().getDimSize(3); }
    /// How many heads of queries share a head of keys.
    int64_t getGroup() {
      if (auto group = (*this)->getAttrOfType<::mlir::IntegerAttr>("dynamic_group"))
        return group.getInt();
      return getQuery().getType().getDimSize(2) / getKey().getType().getDimSize(2);
    }
    auto getWalkOps() { return getWalks().front().getOps<WalkOp>(); }
  }];
}

// How many heads of queries share one of keys, where types do not say it.
def Tile_Group : OptionalAttr<ConfinedAttr<I64Attr, [IntPositive]>>;

def Tile_AttentionOp : Tile_AttentionLike<"attention"> {
  let summary = "attention of one tile of queries: an online softmax over the walks";
  let description = [{
    Queries are rows [tile * rows, (tile + 1) * rows) of one residue of `view`, as far as they exist.
    For each of them, over all pairs of all walks: the softmax of the scaled products of query and
    key, the sum of the values it weights, and its natural log-sum-exp. With `resume` the walk goes
    on from an output and a log-sum-exp that stand there already (from another part of the pattern),
    so that parts in different views merge exactly. A row with no pair gets zero and -1e30.
    `schedule` says how a GPU does it.
    `short_kv` says that queries meet few keys on average, so that the start and the end of an item weigh.
    `nonempty` says that each query has a pair, in these walks or in the parts before: weights whose sum is
    zero then are those of scores that all are minus infinity, and the output is not a number.

    Buffers have shape [batch, positions, heads, size], the log-sum-exp [batch, heads, positions].
    Keys and values may have fewer heads than queries: `at` has the head of queries and the one of keys
    that it reads.

    Constraints:
    - (C1) `rows` is a multiple of `strip`, and the body holds only `tile.walk`.
    - (C2) query and key have equal sizes, value and output too; query and output have equal positions, key
      and value too.
    - (C3) query and output have equal heads, key and value too, of which those are a multiple. Where numbers of
      heads are dynamic, `group` says how many of queries share one of keys.
  }];
  let arguments = (ins Tile_In:$query, Tile_In:$key, Tile_In:$value,
                       Tile_InOut:$output, Tile_RowInOut:$logsumexp,
                       Index:$batch, Index:$head, Index:$keyHead, Index:$residue, Index:$tile,
                       Tile_ViewAttr:$view, I64Attr:$rows, I64Attr:$strip, F32Attr:$scale, UnitAttr:$resume,
                       UnitAttr:$short_kv, UnitAttr:$nonempty, Tile_Group:$dynamic_group,
                       Tile_Schedule:$schedule);
  let assemblyFormat = [{
    `query` $query `key` $key `value` $value `output` $output `logsumexp` $logsumexp
    `at` `[` $batch `,` $head `,` $keyHead `,` $residue `,` $tile `]` `view` $view `rows` $rows `strip` $strip
    `scale` $scale (`resume` $resume^)? (`short_kv` $short_kv^)? (`nonempty` $nonempty^)? (`group` $dynamic_group^)?
    (`schedule` $schedule^)? $walks attr-dict
    `:` type($query) `,` type($key) `,` type($value) `,` type($output) `,` type($logsumexp)
  }];
}

def Tile_HeadStep : DefaultValuedAttr<I64Attr, "1">;

def Tile_AttentionGradOp : Tile_AttentionLike<"attention_grad"> {
  let summary = "the gradient of attention for one residue of queries and one head of keys";
  let description = [{
    Goes over all tiles of `rows` queries of the residue, for the heads `head`, `head + head_step`, ...
    of queries that read `keyHead`; there may be none. Scores are computed again, the probabilities come
    from the log-sum-exp, the gradients of query, key and value are written. With `resume` they are added
    to what stands there (from another part of the pattern), with `resume_keys` those of key and value
    alone (from other heads of queries).

    Constraints: as `tile.attention`, and
    - (C4) `head_step` is positive.
    - (C5) where the view has several residues, all walks map them alike: no two residues of queries add
      to the same key.
  }];
  let arguments = (ins Tile_In:$query, Tile_In:$key, Tile_In:$value,
                       Tile_In:$output, Tile_RowIn:$logsumexp, Tile_In:$outputGrad,
                       Tile_InOut:$queryGrad, Tile_InOut:$keyGrad,
                       Tile_InOut:$valueGrad,
                       Index:$batch, Index:$head, Index:$keyHead, Index:$residue,
                       Tile_HeadStep:$headStep, Tile_ViewAttr:$view, I64Attr:$rows, I64Attr:$strip,
                       F32Attr:$scale, UnitAttr:$resume, UnitAttr:$resumeKeys);
  let assemblyFormat = [{
    `query` $query `key` $key `value` $value `output` $output `logsumexp` $logsumexp
    `output_grad` $outputGrad `query_grad` $queryGrad `key_grad` $keyGrad `value_grad` $valueGrad
    `at` `[` $batch `,` $head `,` $keyHead `,` $residue `]` (`head_step` $headStep^)?
    `view` $view `rows` $rows `strip` $strip `scale` $scale (`resume` $resume^)?
    (`resume_keys` $resumeKeys^)? $walks attr-dict
    `:` type($query) `,` type($key) `,` type($value) `,` type($output) `,` type($logsumexp)
    `,` type($outputGrad) `,` type($queryGrad) `,` type($keyGrad) `,` type($valueGrad)
  }];
}

def Tile_AttentionDeltaOp : Tile_Op<"attention_delta"> {
  let summary = "what the gradients by tiles need of each query first";
  let description = [{
    `delta` gets the products of output and gradient, summed over the value's elements
    (FlashAttention-2, arXiv 2307.08691, Sec. 3.1.2), `query_sum` zeros. Queries are counted as
    ((batch * positions) + position) * heads + head; this does [tile * rows, (tile + 1) * rows).

    Constraints:
    - (C1) output and its gradient have one shape.
  }];
  let arguments = (ins Tile_In:$output, Tile_In:$outputGrad, Tile_RowOut:$delta,
                       Tile_OptionalOut:$querySum, Index:$tile, I64Attr:$rows);
  let assemblyFormat = [{
    `output` $output `output_grad` $outputGrad `delta` $delta (`query_sum` $querySum^)? `at` `[` $tile `]`
    `rows` $rows attr-dict
    `:` type($output) `,` type($outputGrad) `,` type($delta) (`,` type($querySum)^)?
  }];
}

def Tile_AttentionKeyGradOp : Tile_AttentionLike<"attention_key_grad"> {
  let summary = "the gradients of keys and values for one tile of keys";
  let description = [{
    Keys are rows [tile * rows, (tile + 1) * rows) of one residue of `view`, as far as they exist; the
    walks say which queries meet them, of the heads `head`, `head + head_step`, ... of queries that read
    `keyHead`; there may be none. Scores are computed again, the probabilities come from the log-sum-exp.
    The gradients of key and value are written, or with `resume` added to what stands there.

    With `query_sum`, what the tile gives to the gradient of a query, but for the scale, is added to
    it, in any order: it is a sum over all tiles of keys. With `begin` it is written instead, by a
    kernel that meets every query in one tile of keys alone. The order of a sum's columns is the
    target's own, and their number that of a query's elements, rounded up to 32.

    Constraints: as `tile.attention`, and
    - (C4) `head_step` is positive.
  }];
  let arguments = (ins Tile_In:$query, Tile_In:$key, Tile_In:$value,
                       Tile_In:$outputGrad, Tile_RowIn:$logsumexp, Tile_RowIn:$delta,
                       Tile_InOut:$keyGrad, Tile_InOut:$valueGrad,
                       Tile_OptionalInOut:$querySum,
                       Index:$batch, Index:$head, Index:$keyHead, Index:$residue, Index:$tile,
                       Tile_HeadStep:$headStep, Tile_ViewAttr:$view, I64Attr:$rows, F32Attr:$scale,
                       UnitAttr:$resume, UnitAttr:$begin, Tile_Group:$dynamic_group, Tile_Schedule:$schedule);
  let assemblyFormat = [{
    `query` $query `key` $key `value` $value `output_grad` $outputGrad `logsumexp` $logsumexp
    `delta` $delta `key_grad` $keyGrad `value_grad` $valueGrad
    (`query_sum` $querySum^ (`begin` $begin^)?)?
    `at` `[` $batch `,` $head `,` $keyHead `,` $residue `,` $tile `]` (`head_step` $headStep^)?
    `view` $view `rows` $rows `scale` $scale (`resume` $resume^)? (`group` $dynamic_group^)?
    (`schedule` $schedule^)? $walks attr-dict
    `:` type($query) `,` type($key) `,` type($value) `,` type($outputGrad) `,` type($logsumexp)
    `,` type($delta) `,` type($keyGrad) `,` type($valueGrad) (`,` type($querySum)^)?
  }];
}

def Tile_AttentionQuerySumOp : Tile_Op<"attention_query_sum"> {
  let summary = "the gradient of queries from the sums over tiles of keys";
  let description = [{
    `query_grad` gets `query_sum` times the scale, its columns in order. Queries are counted as in
    `tile.attention_delta`.

    Constraints:
    - (C1) both have equal positions and heads.
  }];
  let arguments = (ins Tile_In:$querySum, Tile_Out:$queryGrad, Index:$tile,
                       I64Attr:$rows, F32Attr:$scale);
  let assemblyFormat = [{
    `query_sum` $querySum `query_grad` $queryGrad `at` `[` $tile `]` `rows` $rows `scale` $scale attr-dict
    `:` type($querySum) `,` type($queryGrad)
  }];
}

def Tile_AttentionQueryGradOp : Tile_AttentionLike<"attention_query_grad"> {
  let summary = "the gradient of queries for one tile of queries";
  let description = [{
    Queries are rows [tile * rows, (tile + 1) * rows) of one residue of `view`, as far as they exist.
    Scores are computed again, the probabilities come from the log-sum-exp. The gradient is written,
    or with `resume` added to what stands there.

    Constraints: as `tile.attention`.
  }];
  let arguments = (ins Tile_In:$query, Tile_In:$key, Tile_In:$value,
                       Tile_In:$outputGrad, Tile_RowIn:$logsumexp, Tile_RowIn:$delta,
                       Tile_InOut:$queryGrad,
                       Index:$batch, Index:$head, Index:$keyHead, Index:$residue, Index:$tile,
                       Tile_ViewAttr:$view, I64Attr:$rows, F32Attr:$scale, UnitAttr:$resume, Tile_Group:$dynamic_group,
                       Tile_Schedule:$schedule);
  let assemblyFormat = [{
    `query` $query `key` $key `value` $value `output_grad` $outputGrad `logsumexp` $logsumexp
    `delta` $delta `query_grad` $queryGrad
    `at` `[` $batch `,` $head `,` $keyHead `,` $residue `,` $tile `]` `view` $view `rows` $rows
    `scale` $scale (`resume` $resume^)? (`group` $dynamic_group^)? (`schedule` $schedule^)? $walks attr-dict
    `:` type($query) `,` type($key) `,` type($value) `,` type($outputGrad) `,` type($logsumexp)
    `,` type($delta) `,` type($queryGrad)
  }];
}

def Tile_AttentionRowOp : Tile_AttentionLike<"attention_row",
    [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "attention of one query against the keys of its pattern";
  let description = [{
    The query at `position` of one head, for sampling. The bounds of the walks are those of strips of
    one row. A walk whose view does not hold the position is left out. Where heads take patterns in
    turn, `residue` is that of the head; it is for walks whose queries' view has one residue, while in
    other views it follows from the position.

    With `insert`, key and value get the rows [batch, 1, heads, size] at the position first. Items
    of all heads that share a head of keys take these from where they lie, so that none waits for
    another; the first of the kernel's heads among them, which are `head_step` apart, writes them.
    With `invariant` no launch ahead in the same entry writes other rows of key and value, so that these
    may be read before those have ended. `short_kv` says that queries meet few keys, `nonempty` that each has one.

    Constraints: as `tile.attention`, but that the output may have other elements; query and output
    have one position.
    - (C4) none or two rows to insert, of one position: that of a key and that of a value.
  }];
  let arguments = (ins Tile_AttentionBuffer:$query, Tile_AttentionBuffer:$key, Tile_AttentionBuffer:$value,
                       Tile_AttentionBuffer:$output, Variadic<Tile_AttentionBuffer>:$inserted,
                       Index:$batch, Index:$head, Index:$keyHead, Index:$residue, Index:$position,
                       Tile_HeadStep:$headStep,
                       TypedArrayAttrBase<Tile_ViewAttr, "the query view of each walk">:$views, F32Attr:$scale,
                       UnitAttr:$invariant, UnitAttr:$short_kv, UnitAttr:$nonempty);
  let assemblyFormat = [{
    `query` $query `key` $key `value` $value `output` $output (`insert` $inserted^)?
    `at` `[` $batch `,` $head `,` $keyHead `,` $residue `,` $position `]` (`head_step` $headStep^)? `views` $views
    `scale` $scale (`invariant` $invariant^)? (`short_kv` $short_kv^)? (`nonempty` $nonempty^)? $walks attr-dict
    `:` type($query) `,` type($key) `,` type($value) `,` type($output) (`,` type($inserted)^)?
  }];
}

#endif
