//===- AttentionToTile.h - attention ops become kernels ---------*- C++ -*-===//
#pragma once

#include "compiler/Conversion/StcToTile/StcToTile.h"
#include "compiler/Conversion/StcToTile/WalkForms.h"

#include <map>

namespace stc {

/// On a `tile.kernel` of attention: the texts of the patterns that its walks are of, which its
/// heads take in turn, for those who explain it.
inline constexpr llvm::StringLiteral kPatternsOfKernel = "tile.patterns";

/// Turns attention ops into launches. One object serves a module, so that the sets of a pattern are
/// worked out once.
class AttentionConverter {
public:
  AttentionConverter(KernelOutliner &outliner, AttentionTiles tiles)
      : outliner(outliner), tiles(std::move(tiles)) {}

  /// Replaces the op, with the gradient a concatenation of its results where there is one, and with
  /// one query the insertions of its key and value before.
  mlir::LogicalResult convert(AttentionOp op);
  mlir::LogicalResult convert(AttentionGradOp op);
  mlir::LogicalResult convert(AttentionChunkOp op);
  mlir::LogicalResult convert(AttentionChunkGradOp op);
  mlir::LogicalResult convert(AttentionRowOp op);

private:
  /// The pattern of a text; the first time, a warning names the rows that have no key.
  mlir::FailureOr<pattern::Pattern> patternOf(mlir::Operation *op, llvm::StringRef text, int64_t n);
  bool isNonempty(llvm::StringRef text, int64_t n) const;
  /// What is cut into tiles: in sampling, each query is one. `QueriesApart`: no two residues of
  /// queries meet the same keys in one kernel.
  enum class Axis { Queries, QueriesApart, SingleQueries, Keys };
  /// The walks of a pattern; the first reaches every position of the axis. Keys that very many
  /// queries meet have tiles of `tallRows`, if it is not 0.
  mlir::FailureOr<llvm::ArrayRef<WalkForm>> walksOf(mlir::Operation *op, llvm::StringRef text,
                                                    const AttentionProblem &problem, Axis axis,
                                                    int64_t tallRows = 0);
  template <typename Op> AttentionProblem problemOf(Op op);

  /// Fills the kernel of some walks.
  using Fill = void(KernelBuilder &, const AttentionProblem &, llvm::ArrayRef<WalkForm>);
  /// How the walks of a pattern become launches: what the kernels are called, whether all walks are
  /// one kernel, and what they do.
  struct Recipe {
    llvm::StringRef name;
    Axis axis;
    AttentionPart part;
    llvm::function_ref<Fill> fill;
    llvm::function_ref<mlir::AffineExpr(mlir::MLIRContext *, const AttentionProblem &,
                                        const WalkForm &)>
        items;
    /// Whether the kernels add up what each key gets of all queries.
    bool sumsOfKeys;
    /// Whether they add up what each query gets of their keys.
    bool sumsQueries = false;
    int64_t tallRows = 0;
    /// Of one query: nothing ahead in the entry writes other rows of keys and values than its own.
    bool isInvariant = false;
    /// The buffer that says which chunk the queries are, of those of one.
    unsigned chunkNumber = 0;
    /// The first kernel goes on from the results that are begun.
    bool resumes = false;
  };
  /// Heads that share their kernels: first, first + step, ..., and the patterns that they take in
  /// turn.
  struct HeadGroup {
    int64_t first, step;
    std::vector<std::string> patterns;
    std::vector<WalkForm> walks;
  };
  template <typename Op>
  mlir::FailureOr<std::vector<HeadGroup>> headGroups(Op op, const AttentionProblem &problem,
                                                     const Recipe &recipe);
  /// Launches the kernels of all heads' patterns, each going on from the results of the one before;
  /// the first results are `begun` before.
  template <typename Op>
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  launchWalks(Op op, mlir::ValueRange inputs, mlir::ValueRange begun, mlir::TypeRange resultTypes,
              const Recipe &recipe);

  /// Runs what converts an op, which may be that of a function of dynamic sizes.
  template <typename Op>
  mlir::LogicalResult convertSized(Op op, llvm::function_ref<mlir::LogicalResult()> body);
  /// Those, while such an op is converted.
  DynamicSizes *sizes() { return dynamic ? &*dynamic : nullptr; }
  unsigned sizeCount() const { return dynamic ? dynamic->examples().size() : 0; }
  void setExamples(KernelBuilder &builder) const;
  void takePeriods(const WalkForm &walk);
  template <typename Op> mlir::LogicalResult fixSizes(Op op);
  template <typename Op> mlir::AffineExpr rowsOf(Op op) const;
  /// The first results are tied to the last operands.
  tile::LaunchOp launch(mlir::OpBuilder &b, mlir::Location loc, tile::KernelOp kernel,
                        mlir::TypeRange results, mlir::ValueRange operands, size_t tied,
                        mlir::AffineExpr items);

  template <typename Op> mlir::LogicalResult convertForward(Op op);
  template <typename Op> mlir::LogicalResult convertGradient(Op op);
  template <typename Op> mlir::LogicalResult convertByTiles(Op op);
  /// Whether `sumsQueries` says so for all patterns of the heads, and whether their first kernels
  /// write the sums.
  struct QuerySums {
    bool used = false, begun = false;
  };
  template <typename Op>
  mlir::FailureOr<QuerySums> querySumsOf(Op op, const AttentionProblem &problem);

  KernelOutliner &outliner;
  AttentionTiles tiles;
  std::optional<DynamicSizes> dynamic;
  /// By pattern, and what else they depend on.
  std::map<std::pair<std::string, std::vector<int64_t>>, std::vector<WalkForm>> forms;
  std::map<std::pair<std::string, int64_t>, pattern::Pattern> patterns;
};

} // namespace stc
