//===- Compile.cpp - from a module of the stc dialect to a program --------===//

#include "compiler/Pipeline/Compile.h"

#include "compiler/Target/CudaCode.h"
#include "compiler/Target/HostCode.h"
#include "dialects/Plan/Plan.h"

#include <mlir/Dialect/Affine/IR/AffineOps.h>
#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/Func/IR/FuncOps.h>
#include <mlir/Dialect/Math/IR/Math.h>
#include <mlir/Dialect/MemRef/IR/MemRef.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/Dialect/Vector/IR/VectorOps.h>

using namespace mlir;
using namespace stc;

void stc::registerCompiler(DialectRegistry &registry) {
  // What is read and built. Passes name the dialects of what they make.
  registry.insert<StcDialect, tile::TileDialect, plan::PlanDialect, affine::AffineDialect,
                  arith::ArithDialect, func::FuncDialect, math::MathDialect, memref::MemRefDialect,
                  scf::SCFDialect, vector::VectorDialect>();
  registerArithGradients(registry);
  registerHostTranslations(registry);
  registerCudaTranslations(registry);
}

LogicalResult stc::runPhases(ModuleOp module, const CompileOptions &options, StringRef last,
                             function_ref<LogicalResult(unsigned, const Phase &)> after) {
  CompileOptions decided = options;
  for (auto [number, phase] : llvm::enumerate(phases())) {
    if (phase.decide && failed(phase.decide(module, decided)))
      return failure();
    PassManager passes(module.getContext());
    phase.addPasses(passes, decided);
    if (failed(passes.run(module)) || (after && failed(after(number + 1, phase))))
      return failure();
    if (phase.name == last)
      break;
  }
  return success();
}

FailureOr<std::vector<std::byte>> stc::finishProgram(ModuleOp module, const CompileOptions &options,
                                                     const ProgramOrigin &origin) {
  if (options.target != "host") {
    FailureOr<std::vector<std::string>> images =
        compileCuda(module, options.target, CodeKind::SharedObject);
    if (failed(images))
      return failure();
    return buildProgram(module,
                        {.target = options.target,
                         .images = std::move(*images),
                         .deterministic = options.querySums == "never"},
                        origin);
  }
  const HostTarget &cpu = options.cpu;
  FailureOr<std::string> object = compileHost(module, cpu, CodeKind::SharedObject);
  if (failed(object))
    return failure();
  return buildProgram(module, {options.target, cpu.cpu(), cpu.features(), *object}, origin);
}
