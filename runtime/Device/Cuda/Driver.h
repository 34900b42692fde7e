//===- Driver.h - CUDA's driver, opened at run time ---------------------------------===//
#pragma once

#include "runtime/Device/Cuda/DriverTypes.h"
#include "runtime/Device/Cuda/Library.h"
#include "runtime/Support/Error.h"

#include <cstddef>
#include <memory>
#include <string>

namespace stc::runtime::cuda {

inline constexpr const char *driverLibrary = "libcuda.so.1";

/// The functions of the driver that are used, under their names without "cu".
class Driver final : public Library {
public:
  /// Error (Machine): there is no such library, or it lacks a function.
  static Result<std::unique_ptr<Driver>> open(const std::string &path = driverLibrary);

  Function<unsigned> init{*this, "cuInit"};
  Function<int *> deviceGetCount{*this, "cuDeviceGetCount"};
  Function<CUdevice *, int> deviceGet{*this, "cuDeviceGet"};
  Function<char *, int, CUdevice> deviceGetName{*this, "cuDeviceGetName"};
  Function<CUuuid *, CUdevice> deviceGetUuid{*this, "cuDeviceGetUuid_v2"};
  Function<int *, CUdevice_attribute, CUdevice> deviceGetAttribute{*this, "cuDeviceGetAttribute"};
  Function<CUcontext *, CUdevice> primaryCtxRetain{*this, "cuDevicePrimaryCtxRetain"};
  Function<CUdevice> primaryCtxRelease{*this, "cuDevicePrimaryCtxRelease_v2"};
  Function<CUcontext> ctxSetCurrent{*this, "cuCtxSetCurrent"};
  Function<CUcontext *> ctxGetCurrent{*this, "cuCtxGetCurrent"};

  Function<size_t *, size_t *> memGetInfo{*this, "cuMemGetInfo_v2"}; // free, total
  Function<CUdeviceptr *, size_t> memAlloc{*this, "cuMemAlloc_v2"};
  Function<CUdeviceptr> memFree{*this, "cuMemFree_v2"};
  Function<CUdeviceptr, const void *, size_t, CUstream> memcpyHtoD{*this, "cuMemcpyHtoDAsync_v2"};
  Function<void *, CUdeviceptr, size_t, CUstream> memcpyDtoH{*this, "cuMemcpyDtoHAsync_v2"};
  Function<CUdeviceptr, CUdeviceptr, size_t, CUstream> memcpyDtoD{*this, "cuMemcpyDtoDAsync_v2"};
  Function<CUdeviceptr, unsigned char, size_t, CUstream> memset{*this, "cuMemsetD8Async"};
  Function<void **, size_t, unsigned> memHostAlloc{*this, "cuMemHostAlloc"};
  Function<void *> memFreeHost{*this, "cuMemFreeHost"};

  Function<CUmodule *, const void *, unsigned, CUjit_option *, void **> moduleLoad{
      *this, "cuModuleLoadDataEx"};
  Function<CUmodule> moduleUnload{*this, "cuModuleUnload"};
  Function<CUfunction *, CUmodule, const char *> moduleGetFunction{*this, "cuModuleGetFunction"};
  Function<int *, CUfunction_attribute, CUfunction> funcGetAttribute{*this, "cuFuncGetAttribute"};
  Function<CUfunction, CUfunction_attribute, int> funcSetAttribute{*this, "cuFuncSetAttribute"};
  Function<CUfunction, size_t, size_t *, size_t *> funcGetParamInfo{*this, "cuFuncGetParamInfo"};
  Function<int *, CUfunction, int, size_t> maxActiveBlocks{
      *this, "cuOccupancyMaxActiveBlocksPerMultiprocessor"};
  Function<const CUlaunchConfig *, CUfunction, void **, void **> launchKernel{*this,
                                                                              "cuLaunchKernelEx"};
  Function<CUtensorMap *, CUtensorMapDataType, uint32_t, void *, const uint64_t *, const uint64_t *,
           const uint32_t *, const uint32_t *, CUtensorMapInterleave, CUtensorMapSwizzle,
           CUtensorMapL2promotion, CUtensorMapFloatOOBfill>
      tensorMapEncodeTiled{*this, "cuTensorMapEncodeTiled"};

  Function<CUstream *, unsigned> streamCreate{*this, "cuStreamCreate"};
  Function<CUstream *, unsigned, int> streamCreateWithPriority{*this, "cuStreamCreateWithPriority"};
  Function<int *, int *> streamPriorityRange{*this, "cuCtxGetStreamPriorityRange"};
  Function<CUstream, CUevent, unsigned> streamWaitEvent{*this, "cuStreamWaitEvent"};
  Function<CUstream> streamDestroy{*this, "cuStreamDestroy_v2"};
  Function<CUstream> streamSynchronize{*this, "cuStreamSynchronize"};
  Function<CUstream, CUstreamCaptureMode> streamBeginCapture{*this, "cuStreamBeginCapture_v2"};
  Function<CUstream, CUgraph *> streamEndCapture{*this, "cuStreamEndCapture"};
  Function<CUgraphExec *, CUgraph, unsigned long long> graphInstantiate{
      *this, "cuGraphInstantiateWithFlags"};
  Function<CUgraphExec, CUstream> graphLaunch{*this, "cuGraphLaunch"};
  Function<CUgraphExec> graphExecDestroy{*this, "cuGraphExecDestroy"};
  Function<CUgraph> graphDestroy{*this, "cuGraphDestroy"};

  Function<CUevent *, unsigned> eventCreate{*this, "cuEventCreate"};
  Function<CUevent> eventDestroy{*this, "cuEventDestroy_v2"};
  Function<CUevent, CUstream> eventRecord{*this, "cuEventRecord"};
  Function<CUevent> eventSynchronize{*this, "cuEventSynchronize"};
  Function<float *, CUevent, CUevent> eventElapsedTime{*this, "cuEventElapsedTime"}; // ms

private:
  Driver() = default;
  const char *words(CUresult status) const override;

  void *getErrorString = nullptr;
};

} // namespace stc::runtime::cuda
