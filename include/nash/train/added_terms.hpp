// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "nash/core/error.hpp"
#include "nash/train/unread_value.hpp"

namespace nash {

/// What methods add to the loss of a player in an update.
///
/// Where the host looks at the step's end, a hook gets 1 for the sum that it takes, so that what it returns is the factor on it.
template <class Context>
class AddedTerms {
 public:
  /// `unread` takes the terms whose values are not known yet; null: all are known at once.
  AddedTerms(Context& context, std::vector<UnreadValue>* unread) : context_(context), unread_(unread) {}

  /// The term that a hook returns.
  template <class Hook>
  void add(const Hook& hook) {
    if constexpr (requires { context_.readings_so_far(); }) {
      if (unread_ != nullptr) return add_later(hook);
    }
    value_ += hook();
  }

  /// The sum of those that are known.
  double value() const { return value_; }

 private:
  template <class Hook>
  void add_later(const Hook& hook) {
    index_t own = context_.readings_so_far();  // which reading is the term's, of those that are not counted
    const index_t before = own;
    const std::size_t counted = unread_->size();
    double factor;
    {
      const auto later = context_.read_later(true);
      factor = hook();
    }
    for (std::size_t i = counted; i < unread_->size(); ++i)
      if ((*unread_)[i].reading == own) ++own;
    const index_t sums = context_.readings_so_far() - before - static_cast<index_t>(unread_->size() - counted);
    if (sums > 1)
      throw Error("GanTrainer", "a term of at most one sum from a method that runs ahead", concat({"one of ", sums}),
                  "make one of them by WeightedSums, or leave runs_ahead out of the method");
    unread_->push_back({UnreadValue::Kind::added_term, sums == 1 ? own : index_t{-1}, factor});
  }

  Context& context_;
  std::vector<UnreadValue>* unread_;
  double value_ = 0;
};

}  // namespace nash
