//===- StepTime.h - how long the steps of an entry take ---------*- C++ -*-===//
//
// A model of a GPU program's run: kernels follow each other, exchanges with other devices go on
// beside them until somebody waits. Pure functions of what steps have to do. Knows no IR.
//
//===----------------------------------------------------------------------===//
#pragma once

#include <cstdint>
#include <span>

namespace stc {

struct StepWork {
  enum Kind { Kernel, Attention, Product, Exchange, Wait };
  Kind kind = Kernel;
  /// Of kernels. An exchange: the bytes that a device gets of others.
  double flops = 0, bytes = 0;
  /// Elements of 16 bits, in products and attention.
  bool isNarrow = true;
  int64_t headSize = 64; ///< of attention
  /// The exchange, or what a wait waits for; how many collectives it has, and whether its devices
  /// are more than one host has.
  int64_t number = 0, collectives = 1;
  bool isBetweenHosts = false;
};

/// What is reached, in a second, by kernels that are long; seconds that each takes besides; bytes
/// that a device gets of others, of its host and of other hosts, and seconds before the first of
/// an exchange and for each collective.
struct StepRates {
  double products, bytes, kernelSeconds;
  /// Products of attention over heads of d elements: this times d / (d + exponentials).
  double attention, exponentials;
  /// How many times longer products of f32 take.
  double wide;
  double link, hostLink, exchangeSeconds, collectiveSeconds;
  /// The share of their rates that kernels reach while an exchange goes on, which has some of the
  /// multiprocessors.
  double besideExchange;
  int64_t hostDevices;
};

/// Fitted to seven train_steps of enwik8 and audio-1m on one and two H200s with NVLink (2026-11-30,
/// docs/devices.md), which it meets within 5 %. The link between hosts, 400 Gb/s a GPU, is that of
/// data sheets.
inline constexpr StepRates h200Rates{.products = 680e12,
                                     .bytes = 3.1e12,
                                     .kernelSeconds = 2.5e-6,
                                     .attention = 2300e12,
                                     .exponentials = 256,
                                     .wide = 6,
                                     .link = 250e9,
                                     .hostLink = 50e9,
                                     .exchangeSeconds = 40e-6,
                                     .collectiveSeconds = 2e-6,
                                     .besideExchange = 1 - 24.0 / 132,
                                     .hostDevices = 8};

struct StepTime {
  double seconds = 0;
  /// In which kernels wait for exchanges.
  double waiting = 0;
};

StepTime predictTime(std::span<const StepWork> steps, const StepRates &rates);

} // namespace stc
