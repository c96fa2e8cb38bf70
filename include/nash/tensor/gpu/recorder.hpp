// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
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
///
/// A sequence may take turns with a few others, as a step does that has a penalty in every fourth time only: what has been recorded between
/// two waits stays, and where operations are not those of one record they are looked for in the others that begin as they did.
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
    graphs_ = segment_;
  }
  /// Instead of end(), where the sequence was left by an exception: what is held back runs, and the record is dropped.
  void abandon() noexcept {
    try {
      diverge();
    } catch (...) {  // NOLINT: the exception that is under way says more
    }
    segments_.clear();
    graphs_ = 0;
  }

  void add(const Operation& operation) {
    if (replaying_ && (matches(operation) || change_record(&operation))) {
      ++cursor_;
      return;
    }
    diverge();
    stream_->enqueue(operation);
    if (cursor_ == 0) begin_record(0);
    current().operations.push_back(operation);
    ++cursor_;
  }

  /// Before the host waits or uses the stream by itself: everything so far is in the stream afterwards.
  void cut() {
    if (cursor_ == 0) return;
    if (replaying_ && (cursor_ == current().operations.size() || change_record(nullptr)))
      launch(current());
    else
      diverge();
    ++segment_;
    cursor_ = 0;
    replaying_ = segment_ < segments_.size();
  }

  /// Whether operations are held back.
  bool holds_back() const { return replaying_ && cursor_ > 0; }

  /// From here on operations run one by one and are recorded.
  void diverge() {
    if (!replaying_) return;
    replaying_ = false;
    if (cursor_ == 0) return;
    const std::vector<Operation>& held_back = current().operations;
    for (std::size_t i = 0; i < cursor_; ++i) stream_->enqueue(held_back[i]);
    begin_record(cursor_);
  }

  /// How many graphs the sequence consisted of when it last ended: one more than the host waits within it.
  std::size_t graphs() const { return graphs_; }

 private:
  /// Operations between two waits.
  struct Record {
    std::vector<Operation> operations;
    std::vector<std::size_t> changed;  // launches whose parameters are no longer the graph's
    std::unique_ptr<Graph> graph;
  };
  /// What has come there, the last one first.
  using Segment = std::vector<std::unique_ptr<Record>>;
  static constexpr std::size_t most_records = 4;  // those of two methods that are lazy, each in its own way

  Record& current() { return *segments_[segment_].front(); }

  /// A record that begins with so many operations of the current one, in the place of the one that was not used for longest.
  void begin_record(std::size_t count) {
    if (segment_ == segments_.size()) segments_.emplace_back();
    Segment& segment = segments_[segment_];
    auto record = std::make_unique<Record>();
    if (count > 0) {
      const auto begin = segment.front()->operations.begin();
      record->operations.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
    }
    if (segment.size() == most_records) segment.pop_back();
    segment.insert(segment.begin(), std::move(record));
  }

  /// Goes on with a record that begins as what is held back does, and then has an operation, or ends where there is none; false where no
  /// other one does.
  bool change_record(const Operation* next) {
    if (segment_ == segments_.size()) return false;
    Segment& segment = segments_[segment_];
    for (std::size_t i = 1; i < segment.size(); ++i) {
      Record& other = *segment[i];
      const bool goes_on = other.operations.size() > cursor_;
      if (next == nullptr ? goes_on || other.operations.size() < cursor_ : !goes_on || !is_same(other.operations[cursor_], *next)) continue;
      std::size_t same = 0;
      while (same < cursor_ && is_same(other.operations[same], segment.front()->operations[same])) ++same;
      if (same < cursor_) continue;
      for (std::size_t j = 0; j < cursor_; ++j) take(other, j, segment.front()->operations[j]);
      if (next != nullptr) take(other, cursor_, *next);
      std::rotate(segment.begin(), segment.begin() + static_cast<std::ptrdiff_t>(i), segment.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      return true;
    }
    return false;
  }

  /// Whether an operation is a recorded one but for the parameters of a kernel.
  static bool is_same(const Operation& recorded, const Operation& operation) {
    const auto* const launch = std::get_if<KernelLaunch>(&operation);
    const auto* const before = std::get_if<KernelLaunch>(&recorded);
    return launch != nullptr && before != nullptr ? before->same_kernel(*launch) : recorded == operation;
  }
  /// Gives a recorded operation the parameters of the one that is the same.
  static void take(Record& record, std::size_t i, const Operation& operation) {
    if (record.operations[i] == operation) return;
    record.operations[i] = operation;
    record.changed.push_back(i);
  }

  bool matches(const Operation& operation) {
    if (segment_ == segments_.size() || cursor_ == current().operations.size()) return false;
    Record& record = current();
    if (record.operations[cursor_] == operation) return true;
    if (!is_same(record.operations[cursor_], operation)) return false;
    take(record, cursor_, operation);
    return true;
  }

  void launch(Record& record) {
    if (record.graph == nullptr) {
      record.graph = std::make_unique<Graph>(*stream_, record.operations);
    } else {
      if (!std::is_sorted(record.changed.begin(), record.changed.end())) {  // after others took turns with it
        std::sort(record.changed.begin(), record.changed.end());
        record.changed.erase(std::unique(record.changed.begin(), record.changed.end()), record.changed.end());
      }
      for (const std::size_t i : record.changed) record.graph->update(i, std::get<KernelLaunch>(record.operations[i]));
    }
    record.changed.clear();
    record.graph->launch(*stream_);
  }

  Stream* stream_;
  std::vector<Segment> segments_;
  std::size_t segment_ = 0, cursor_ = 0;  // where the sequence stands
  std::size_t graphs_ = 0;
  bool replaying_ = false;
};

}  // namespace nash
