// SPDX-License-Identifier: Apache-2.0
#include "nash/testing/grad_check.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"
#include "nash/nn/any_sequential.hpp"
#include "nash/nn/batch_norm.hpp"
#include "nash/nn/dense.hpp"
#include "nash/nn/relu.hpp"
#include "nash/nn/tanh.hpp"
#include "nash/testing/duality_check.hpp"
#include "nash/testing/penalty_check.hpp"
#include "nash/testing/second_order_check.hpp"

using namespace nash;
using testing::CheckOptions;
using testing::CheckReport;

namespace {

using Values = Tensor<double, Cpu>;
using Flat = Gradients<double, Cpu>;

enum class Slip {
  none, scaled_dx, partial_dx, added_dx, assigned_gradients, scaled_bias, dx_needs_gradients, gradients_need_dx, saves_or_differs,
  moves_state, changes_dy, wrong_shape, scaled_tangent, scaled_second_order, bias_in_second_order, assigned_second_order, nan_dx, keeps_shape
};

/// A layer of one's own without second derivatives.
struct FirstOrder : LayerDefaults<double, Cpu> {
  Shape output_shape(const Shape& x) const { return x; }
  void forward(const Pass<Cpu>&, const Values& x, Values& y, NoSaved*) const { y = x; }
  void backward(const Pass<Cpu>&, const Values&, const Values&, NoSaved&, const Values& dy, Values* dx, Flat*) const {
    if (dx != nullptr) *dx = dy;
  }
  LayerDescription describe() const { return LayerDescription("FirstOrder"); }
};

/// y = tanh(x·Wᵀ + b), with one slip.
class Slipping : public LayerDefaults<double, Cpu> {
 public:
  static constexpr bool curved = true;
  struct Saved {
    Values z;
  };

  explicit Slipping(Slip slip) : slip_(slip) {}
  LayerDescription describe() const { return LayerDescription("Slipping"); }
  Shape output_shape(const Shape& x) const { return slip_ == Slip::wrong_shape ? Shape{x[0], 2, 1} : dense_.output_shape(x); }

  void forward(const Pass<Cpu>& pass, const Values& x, Values& y, Saved* saved) const {
    Values z;
    dense_.forward(pass, x, z, nullptr);
    tanh_.forward(pass, z, y, nullptr);
    if (slip_ == Slip::saves_or_differs && saved == nullptr) y[0] += 1e-9;
    if (slip_ == Slip::moves_state) const_cast<Slipping*>(this)->dense_.bias().value()[0] += 1e-9;
    if (saved != nullptr) saved->z = z;
  }

  void backward(const Pass<Cpu>& pass, const Values& x, const Values& y, Saved& saved, const Values& dy, Values* dx, Flat* grads) const {
    if (dx == nullptr && grads == nullptr) return;
    Values dz, own_dx;
    NoSaved none;
    tanh_.backward(pass, saved.z, y, none, dy, &dz, nullptr);
    if (grads != nullptr && slip_ == Slip::assigned_gradients)
      for (index_t i = 0; i < 6; ++i) grads->of(dense_.weight())[i] = 0;
    const bool no_gradients = slip_ == Slip::gradients_need_dx && dx == nullptr;
    dense_.backward(pass, x, saved.z, none, dz, &own_dx, no_gradients ? nullptr : grads);
    if (grads != nullptr && slip_ == Slip::scaled_bias) grads->of(dense_.bias())[1] += 1e-3;
    if (slip_ == Slip::changes_dy) const_cast<Values&>(dy)[0] += 1e-9;
    if (dx == nullptr) return;
    if (slip_ != Slip::keeps_shape) dx->resize(x.shape());
    const index_t last = slip_ == Slip::partial_dx ? own_dx.count() - 1 : own_dx.count();
    for (index_t i = 0; i < last; ++i) {
      const double value = own_dx[i] * (slip_ == Slip::scaled_dx && i == 4 ? 1.0001 : 1);
      (*dx)[i] = slip_ == Slip::added_dx ? (*dx)[i] + value : slip_ == Slip::dx_needs_gradients && grads == nullptr ? 0 : value;
    }
    if (slip_ == Slip::nan_dx) (*dx)[2] = std::nan("");
  }

  void tangent(const Pass<Cpu>& pass, const Values& x, const Values& y, Saved& saved, const Values& x_tangent, Values& y_tangent) const {
    Values z_tangent;
    NoSaved none;
    dense_.tangent(pass, x, saved.z, none, x_tangent, z_tangent);
    tanh_.tangent(pass, saved.z, y, none, z_tangent, y_tangent);
    if (slip_ == Slip::scaled_tangent) y_tangent[1] *= 1.0001;
  }

  void tangent_backward(const Pass<Cpu>& pass, const Values& x, const Values& y, Saved& saved, const Values& x_tangent, const Values& delta,
                        Values* x_bar, Flat* grads) const {
    NoSaved none;
    Values z_tangent, dz, z_bar = Values::zeros(saved.z.shape()), back;
    dense_.tangent(pass, x, saved.z, none, x_tangent, z_tangent);
    tanh_.backward(pass, saved.z, y, none, delta, &dz, nullptr);
    tanh_.tangent_backward(pass, saved.z, y, none, z_tangent, delta, &z_bar, nullptr);
    if (grads != nullptr && slip_ == Slip::assigned_second_order)
      for (index_t i = 0; i < 6; ++i) grads->of(dense_.weight())[i] = 0;
    dense_.tangent_backward(pass, x, saved.z, none, x_tangent, dz, nullptr, grads);
    dense_.backward(pass, x, saved.z, none, z_bar, &back, grads);
    if (grads != nullptr && slip_ == Slip::bias_in_second_order) grads->of(dense_.bias())[0] += 1e-3;
    if (x_bar != nullptr)
      for (index_t i = 0; i < back.count(); ++i) (*x_bar)[i] += back[i] * (slip_ == Slip::scaled_second_order ? 1.0001 : 1);
  }

  template <class Self, class Visitor>
  static void visit_state(Self& self, Visitor&& visit) {
    Dense<double>::visit_state(self.dense_, visit);
  }

 private:
  Slip slip_;
  Dense<double> dense_{3, 2};
  Tanh<double> tanh_;
};

bool says(const CheckReport& report, std::string_view part) {
  INFO(report.text);
  CHECK_FALSE(report.ok);
  return report.text.find(part) != std::string::npos;
}

CheckReport first_order(Slip slip) { return testing::grad_check(Slipping{slip}, {4, 3}); }
CheckReport second_order(Slip slip) { return testing::second_order_check(Slipping{slip}, {4, 3}); }

}  // namespace

TEST_CASE("grad_check accepts a correct layer and says how well it agrees") {
  const CheckReport report = first_order(Slip::none);
  REQUIRE_MESSAGE(report.ok, report.text);
  CHECK(report.checked == 12 + 8);
  CHECK(report.skipped == 0);
  CHECK(report.worst_error < 1e-8);
  CHECK(report.text.find("20 derivatives agree, 0 at a kink; worst relative error ") == 0);
}

TEST_CASE("grad_check finds each slip and names it") {
  CHECK(says(first_order(Slip::scaled_dx), "dx[4]: analytic "));
  CHECK(says(first_order(Slip::partial_dx), "backward does not assign all of dx"));
  CHECK(says(first_order(Slip::added_dx), "backward does not assign all of dx"));
  CHECK(says(first_order(Slip::nan_dx), "dx[2]: analytic nan"));
  CHECK(says(first_order(Slip::keeps_shape), "backward leaves dx 12, not 4×3"));
  CHECK(says(first_order(Slip::assigned_gradients), "grads of 'weight'["));
  CHECK(says(first_order(Slip::scaled_bias), "grads of 'bias'[1]: analytic "));
  CHECK(says(first_order(Slip::dx_needs_gradients), "backward gives another dx where gradients are null"));
  CHECK(says(first_order(Slip::gradients_need_dx), "backward gives other gradients where dx is null"));
  CHECK(says(first_order(Slip::saves_or_differs), "forward with a null saved gives another y"));
  CHECK(says(first_order(Slip::moves_state), "a pass moves the layer's state"));
  CHECK(says(first_order(Slip::changes_dy), "backward changes x, y or dy"));
  CHECK(says(first_order(Slip::wrong_shape), "y is 4×2, but output_shape says 4×2×1"));
}

TEST_CASE("duality_check finds a wrong tangent") {
  CHECK(testing::duality_check(Slipping{Slip::none}, {4, 3}).ok);
  CHECK(says(testing::duality_check(Slipping{Slip::scaled_tangent}, {4, 3}), "tangent[1]: analytic "));
  CHECK(says(testing::duality_check(Slipping{Slip::scaled_dx}, {4, 3}), "<dy, J v> = "));
}

TEST_CASE("second_order_check finds each slip and names it") {
  CHECK(second_order(Slip::none).ok);
  CHECK(says(second_order(Slip::scaled_second_order), "x_bar["));
  CHECK(says(second_order(Slip::bias_in_second_order), "second-order grads of 'bias'[0]: analytic "));
  CHECK(says(second_order(Slip::assigned_second_order), "second-order grads of 'weight'["));
}

TEST_CASE("penalty_check finds a slip in any part of the run") {
  CHECK(testing::penalty_check(Slipping{Slip::none}, {4, 3}, 1).ok);
  CHECK(says(testing::penalty_check(Slipping{Slip::bias_in_second_order}, {4, 3}, 1), "grads of 'bias'[0]: analytic "));
  CHECK(says(testing::penalty_check(Slipping{Slip::scaled_dx}, {4, 3}, 0), "penalty's grads of '"));
}

TEST_CASE("penalty_check names the layers of a network put together at run time that it cannot go through") {
  using Net = AnySequential<double>;
  const auto message = [](std::vector<AnyLayer<double>> layers) {
    return message_of<Error>([&] { testing::penalty_check(Net(std::move(layers)), {4, 3}, 1); });
  };
  CHECK(message({Dense<double>{3, 3}, BatchNorm<double>{3}, Dense<double>{3, 1}}) ==
        "penalty_check: expected a critic whose layers see each sample by itself, got BatchNorm.\n"
        "Use LayerNorm or SpectralNorm in the place of BatchNorm, or leave the check out.");
  CHECK(message({Dense<double>{3, 1}, FirstOrder{}}) ==
        "penalty_check: expected a critic whose layers are all twice differentiable, got FirstOrder.\n"
        "Give tangent and tangent_backward to FirstOrder, or leave the check out.");
}

TEST_CASE("a kink is skipped and counted, and too many are an error") {
  // |x| < h at element 1 alone: the difference there mixes both sides.
  struct NearKink : ReLU<double> {
    void forward(const Pass<Cpu>& pass, const Values& x, Values& y, NoSaved* saved) const {
      Values moved = x;
      moved[1] += 4e-6 - first;
      ReLU<double>::forward(pass, moved, y, saved);
    }
    double first = 0;
  } layer;
  layer.first = testing::normal_values(RandomStream(1).child(0), 2)[1];
  CheckReport report = testing::grad_check(layer, {1, 50});
  CHECK_MESSAGE(report.ok, report.text);
  CHECK(report.skipped == 1);
  CHECK(report.checked == 49);

  struct AllAtKink : ReLU<double> {
    void forward(const Pass<Cpu>& pass, const Values& x, Values& y, NoSaved* saved) const {
      Values moved = x;
      for (index_t i = 0; i < x.count(); ++i) moved[i] -= testing::normal_values(RandomStream(1).child(0), i + 1).back();
      ReLU<double>::forward(pass, moved, y, saved);
    }
  };
  report = testing::grad_check(AllAtKink{}, {1, 9});
  CHECK(says(report, "9 of 9 derivatives lie at a kink"));
}

TEST_CASE("a check that compares nothing, or whose tolerance is no number, has not passed") {
  CHECK(says(testing::grad_check(Dense<double>{3, 2}, {2, 3}, {.elements = 0}), "nothing was compared"));
  CHECK(!testing::grad_check(Dense<double>{3, 2}, {2, 3}, {.tolerance = std::nan("")}).ok);
}

TEST_CASE("a sharp bend of a smooth function is no excuse") {
  const testing::Objective f = [](const std::vector<double>& x) { return std::tanh(20 * x[0]); };
  CheckReport report;
  testing::compare_with_differences("f", std::vector{20.01}, f, {0.0}, 0, {}, report);
  CHECK(report.skipped == 0);
  CHECK(says(report.finish({}), "f[0]: analytic 20.01, numeric 20"));
}
