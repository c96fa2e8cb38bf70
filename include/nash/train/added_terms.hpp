// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "nash/core/error.hpp"

namespace nash {

/// A number of a step that the host looks at when the step is over, on a GPU; they are in the order in which they are read.
struct UnreadValue {
  enum class Kind { real_loss, real_probability, fake_loss, fake_probability, generator_loss, added_term, gradient_norm };

  Kind kind;
  double factor = 1;  ///< of an added term: on the sum that is read
  bool read = true;   ///< false: nothing is, and the factor is the value
};

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
    const auto before = context_.readings_so_far();
    double factor;
    {
      const auto later = context_.read_later(true);
      factor = hook();
    }
    const auto sums = context_.readings_so_far() - before;
    if (sums > 1)
      throw Error("GanTrainer", "a term of at most one sum from a method that runs ahead", concat({"one of ", sums}),
                  "take one sum, or leave runs_ahead out of the method");
    unread_->push_back({UnreadValue::Kind::added_term, factor, sums == 1});
  }

  Context& context_;
  std::vector<UnreadValue>* unread_;
  double value_ = 0;
};

}  // namespace nash
