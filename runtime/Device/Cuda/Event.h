//===- Event.h - a place in a GPU's work that can be waited for ----------------------===//
#pragma once

#include "runtime/Device/Cuda/Device.h"

#include <memory>

namespace stc::runtime::cuda {

/// On a stream of a device, which must outlive it. Errors (Machine): what the driver says.
class Event {
public:
  /// Without a clock it costs less.
  static Result<Event> create(const Device &device, bool hasClock = true) {
    CUevent raw = nullptr;
    auto made =
        device.driver().eventCreate(&raw, hasClock ? CU_EVENT_DEFAULT : CU_EVENT_DISABLE_TIMING);
    if (!made)
      return forward(made);
    return Event(device, raw);
  }

  /// Puts it behind all that is on the device's stream, or on another one.
  Result<void> record() const { return record(device->stream()); }
  Result<void> record(CUstream stream) const {
    return device->driver().eventRecord(handle.get(), stream);
  }
  /// What is put on the stream from here on comes behind the work before the event.
  Result<void> holdBack(CUstream stream) const {
    return device->driver().streamWaitEvent(stream, handle.get(), 0);
  }
  /// Waits until the work before it is done; at once if it was never recorded.
  Result<void> wait() const { return device->driver().eventSynchronize(handle.get()); }
  /// From another event to this one; both are done.
  Result<double> secondsSince(const Event &start) const {
    float milliseconds = 0;
    auto elapsed =
        device->driver().eventElapsedTime(&milliseconds, start.handle.get(), handle.get());
    if (!elapsed)
      return forward(elapsed);
    return milliseconds * 1e-3;
  }

private:
  struct Deleter {
    const Driver *driver;
    void operator()(CUevent event) const { (void)driver->eventDestroy(event); }
  };

  Event(const Device &device, CUevent raw) : device(&device), handle(raw, {&device.driver()}) {}

  const Device *device;
  std::unique_ptr<CUevent_st, Deleter> handle;
};

} // namespace stc::runtime::cuda
