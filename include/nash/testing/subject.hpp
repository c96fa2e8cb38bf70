// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "nash/testing/differences.hpp"

namespace nash::testing {

/// What stands in memory before something is assigned to it: a check sees whether it was.
inline constexpr double poison = std::numeric_limits<double>::quiet_NaN();

inline std::vector<double> normal_values(RandomStream random, index_t count) {
  std::vector<double> values(static_cast<std::size_t>(count));
  for (index_t i = 0; i < count; ++i) values[static_cast<std::size_t>(i)] = random.normal(i);
  return values;
}

inline double inner_product(std::span<const double> a, std::span<const double> b) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
  return total;
}

/// Equal bits, so that a NaN equals itself and 0 is not −0.
inline bool same_bits(std::span<const double> a, std::span<const double> b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](double u, double v) {
           return std::memcmp(&u, &v, sizeof u) == 0;
         });
}

/// i mod classes for each sample i.
template <class D>
Labels<D> labels_of(index_t samples, index_t classes) {
  std::vector<std::int32_t> labels(static_cast<std::size_t>(samples));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(static_cast<index_t>(i) % classes);
  return Labels<D>(labels, classes);
}

/// A copy of a layer under test: with parameters in one flat tensor, an input, and running statistics that have moved.
template <class L>
class Subject {
  static_assert(std::is_same_v<typename L::Scalar, double>, "checks need a layer in double: Dense<double>{…}, or network.to<double>()");

 public:
  using D = typename L::Device;
  using Values = Tensor<double, D>;

  struct Part {
    std::string name;
    std::size_t first, count;  // within the flat parameters
  };

  Subject(const L& original, const Shape& input_shape, const CheckOptions& check_options)
      : options(check_options), layer(original), x(input_shape, normal_values(stream(0), input_shape.count())),
        y_shape(layer.output_shape(input_shape)), labels(labels_of<D>(input_shape[0], check_options.classes)), flat_(layer) {
    for_each_parameter(std::as_const(layer), [&](const StateName& name, const auto& parameter) {
      parts.push_back({name.text(), static_cast<std::size_t>(parameter.offset()), static_cast<std::size_t>(parameter.count())});
    });
    if (options.draw_parameters) draw_parameters();
  }
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  RandomStream stream(std::uint64_t purpose) const { return RandomStream(options.seed).child(purpose); }
  /// A random tensor, the same for the same purpose.
  Values random_tensor(const Shape& shape, std::uint64_t purpose) const { return Values(shape, normal_values(stream(purpose), shape.count())); }

  Pass<D> pass(bool second_order = false) { return pass(options.mode, stream(1), second_order); }
  Pass<D> pass(Mode mode, RandomStream random, bool second_order = false) {
    return {.context = context, .mode = mode, .random = random, .second_order = second_order, .labels = labels.view()};
  }

  index_t parameter_count() const { return flat_.values().count(); }
  std::vector<double> parameters() const { return flat_.values().to_host(); }
  void set_parameters(const std::vector<double>& values) {
    flat_.values().assign_from_host(values);
    restore(context, layer);  // what is derived from them, while vectors of a power iteration stay
  }
  void set_input(const std::vector<double>& values) { x.assign_from_host(values); }

  /// Everything that visit_state names, parameters and buffers.
  std::vector<double> state() const {
    std::vector<double> values;
    L::visit_state(layer, [&](const StateName&, const auto& state) {
      const std::vector<double> own = state.value().to_host();
      values.insert(values.end(), own.begin(), own.end());
    });
    return values;
  }

  CheckOptions options;
  Context<D> context{1};
  L layer;
  Values x;
  Shape y_shape;
  Labels<D> labels;
  std::vector<Part> parts;

 private:
  /// The layer's own draw, moved a little so that no bias is zero; then one committed training pass, so that running
  /// statistics are not those of the start either.
  void draw_parameters() {
    initialise(context, layer, stream(2));
    std::vector<double> values = parameters();
    const std::vector<double> moves = normal_values(stream(3), parameter_count());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += 0.2 * moves[i];
    flat_.values().assign_from_host(values);
    refresh(context, layer);
    typename L::Saved saved;
    Values y;
    layer.forward(pass(Mode::train, stream(4)), random_tensor(x.shape(), 5), y, &saved);
    layer.commit(context, saved);
  }

  FlatParameters<double, D> flat_;
};

/// Compares a flat gradient, less what it started from, with differences of f by the parameters, part by part.
template <class L>
void compare_parameters(Subject<L>& subject, std::string_view what, const std::vector<double>& gradient, const Objective& f,
                        CheckReport& report) {
  const std::vector<double> parameters = subject.parameters();
  for (const auto& part : subject.parts)
    compare_with_differences(concat({what, " '", part.name, "'"}), std::span(gradient).subspan(part.first, part.count), f, parameters,
                             part.first, subject.options, report);
  subject.set_parameters(parameters);
}

/// Compares a gradient by the input with differences of f.
template <class L>
void compare_input(Subject<L>& subject, std::string_view what, const std::vector<double>& gradient, const Objective& f,
                   CheckReport& report) {
  const std::vector<double> input = subject.x.to_host();
  compare_with_differences(what, gradient, f, input, 0, subject.options, report);
  subject.set_input(input);
}

/// a − b
inline std::vector<double> less(std::vector<double> a, const std::vector<double>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return a;
}

}  // namespace nash::testing
