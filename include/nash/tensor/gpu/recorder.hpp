// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "nash/tensor/gpu/driver.hpp"

namespace nash {

/// Turns a sequence of operations that comes again and again, such as a training step's, into graphs that are launched at once.
///
/// The first time the operations are recorded while they run. From then on they are compared with the record instead of being
/// run; wherever the host is about to wait, the graph of what was compared since is launched. A graph is built once. A launch
/// whose parameters alone differ, such as a step's random numbers or Adam's bias correction, is changed in it. Where anything
/// else differs, what was held back runs one by one and the rest is recorded anew: a graph does what its operations would do,
/// or it does not run.
template <class Device>
class Recorder {
  using Stream = typename Driver<Device>::Stream;
  using Graph = typename Driver<Device>::Graph;

 public:
  explicit Recorder(Stream& stream) : stream_(&stream) {}

  /// From here on, up to end(), operations belong to the sequence.
  void begin() {
    segment_ = cursor_ = 0;
    replaying_ = !segments_.empty();
  }
  void end() {
    cut();
    segments_.resize(segment_);
  }
  /// Instead of end(), where the sequence was left by an exception: what is held back runs, and the record is dropped.
  void abandon() noexcept {
    try {
      diverge();
    } catch (...) {  // NOLINT: the exception that is under way says more
    }
    segments_.clear();
  }

  void add(const Operation& operation) {
    if (replaying_ && matches(operation)) {
      ++cursor_;
      return;
    }
    diverge();
    stream_->enqueue(operation);
    if (segment_ == segments_.size()) segments_.emplace_back();
    segments_[segment_].operations.push_back(operation);
    ++cursor_;
  }

  /// Before the host waits or uses the stream by itself: everything so far is in the stream afterwards.
  void cut() {
    if (cursor_ == 0) return;
    if (replaying_ && cursor_ == segments_[segment_].operations.size())
      launch(segments_[segment_]);
    else
      diverge();
    ++segment_;
    cursor_ = 0;
    replaying_ = replaying_ && segment_ < segments_.size();
  }

  /// Whether operations are held back.
  bool holds_back() const { return replaying_ && cursor_ > 0; }

  /// From here on operations run one by one and are recorded.
  void diverge() {
    if (!replaying_) return;
    replaying_ = false;
    if (segment_ < segments_.size()) {
      Segment& segment = segments_[segment_];
      segment.operations.resize(cursor_);
      segment.graph.reset();
      segment.changed.clear();
      for (const Operation& operation : segment.operations) stream_->enqueue(operation);
      segments_.resize(cursor_ == 0 ? segment_ : segment_ + 1);
    }
  }

  /// How many graphs the sequence consists of: one more than the host waits within it.
  std::size_t graphs() const { return segments_.size(); }

 private:
  struct Segment {
    std::vector<Operation> operations;
    std::vector<std::size_t> changed;  // launches whose parameters are no longer the graph's
    std::unique_ptr<Graph> graph;
  };

  /// Whether the operation is the recorded one, which takes its parameters where only these differ.
  bool matches(const Operation& operation) {
    if (segment_ == segments_.size() || cursor_ == segments_[segment_].operations.size()) return false;
    Operation& recorded = segments_[segment_].operations[cursor_];
    if (recorded == operation) return true;
    const auto* const launch = std::get_if<KernelLaunch>(&operation);
    auto* const before = std::get_if<KernelLaunch>(&recorded);
    if (launch == nullptr || before == nullptr || !before->same_kernel(*launch)) return false;
    *before = *launch;
    segments_[segment_].changed.push_back(cursor_);
    return true;
  }

  void launch(Segment& segment) {
    if (segment.graph == nullptr) segment.graph = std::make_unique<Graph>(*stream_, segment.operations);
    else
      for (const std::size_t i : segment.changed) segment.graph->update(i, std::get<KernelLaunch>(segment.operations[i]));
    segment.changed.clear();
    segment.graph->launch(*stream_);
  }

  Stream* stream_;
  std::vector<Segment> segments_;
  std::size_t segment_ = 0, cursor_ = 0;  // where the sequence stands
  bool replaying_ = false;
};

}  // namespace nash
