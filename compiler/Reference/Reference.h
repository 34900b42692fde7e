//===- Reference.h - the stc dialect straight from its definition ---------===//
//
// An interpreter of functions of the stc dialect. All float types are computed in double and,
// unless asked for, never rounded to their own width; every op is its description in StcOps.td
// written as loops. What the compiler makes of a function is compared with what this says.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Reference/Devices.h"
#include "compiler/Reference/PatternTable.h"

#include <mlir/IR/BuiltinOps.h>

#include <map>
#include <string>
#include <vector>

namespace stc::reference {

/// A dense tensor in row-major order. Elements of float types are in `floats`, those of integer
/// types in `integers` (sign-extended from their width, i1 as 0 or 1); the other vector is empty.
/// A tensor with a pattern as its encoding is 0 off the pattern.
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<double> floats;
  std::vector<int64_t> integers;

  static Tensor of(std::vector<int64_t> shape, std::vector<double> floats);
  static Tensor of(std::vector<int64_t> shape, std::vector<int64_t> integers);
  static Tensor scalar(int64_t integer) { return of({}, std::vector<int64_t>{integer}); }
  static Tensor zeros(mlir::RankedTensorType type);

  int64_t size() const { return floats.size() + integers.size(); }
};

/// Whether each op's float results are rounded, to float32 or to the type that they have. A
/// function that loses digits then, op by op as it is defined, may lose them in compiled code too:
/// differences of nearly equal numbers. `Inside`: to the types that they have, and so is what
/// attention multiplies by within, weights and gradients of scores, as tensor cores take it.
enum class Rounding { None, Float32, ToType, Inside };

class Interpreter {
public:
  /// The module must outlive the interpreter and verify. All variables are zero.
  explicit Interpreter(mlir::ModuleOp module);

  /// The function's results. What it writes stays in `variables` for the next call, also when it
  /// fails; a failure has been reported at its op. `stc.gradient` and calls have no value here.
  mlir::FailureOr<std::vector<Tensor>> call(llvm::StringRef function, llvm::ArrayRef<Tensor> inputs,
                                            Rounding rounding = Rounding::None);

  /// The same on all devices of a grid together, each with variables of its own: a function that
  /// is dealt over them. Inputs and results have an entry a device.
  mlir::FailureOr<std::vector<std::vector<Tensor>>>
  callOnAll(const Devices &devices, llvm::StringRef function,
            llvm::ArrayRef<std::vector<Tensor>> inputs, Rounding rounding = Rounding::None);

  /// By their names; read and set them freely between calls.
  std::map<std::string, Tensor> variables;
  /// The same of each device, where a function was called on all; of more devices than before they
  /// are copies of `variables`.
  std::vector<std::map<std::string, Tensor>> variablesOf;

private:
  mlir::FailureOr<mlir::Block *> findBody(llvm::StringRef function, llvm::ArrayRef<Tensor> inputs);

  mlir::ModuleOp module;
  PatternTable patterns;
};

} // namespace stc::reference
