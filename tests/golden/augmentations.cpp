// SPDX-License-Identifier: Apache-2.0
#include "golden/golden.hpp"
#include "nash/method/adaptive_augmentation.hpp"
#include "nash/method/diff_augment.hpp"

using namespace nash;

namespace {

/// Checks what `map` makes of the images and of the cotangents of a case: map(context, is_cotangent, images in place).
template <class T, class Device, class Map>
void check_map(const std::string& kind, const std::string& name, double tolerance, const Map& map) {
  static const Golden golden("augmentations");
  Context<Device> context;
  auto images = golden.tensor<T, Device>(kind + "/x"), cotangents = golden.tensor<T, Device>(kind + "/dy");
  map(context, false, images);
  check_close(images, golden.entry(kind + "/" + name + ".y"), tolerance);
  map(context, true, cotangents);
  check_close(cotangents, golden.entry(kind + "/" + name + ".dx"), tolerance);
}

/// The maps of some families, one after the other.
template <class T, class Device, class... Families>
void check_families(const std::string& kind, const std::string& name, double tolerance, double probability,
                    const Families&... families) {
  check_map<T, Device>(kind, name, tolerance, [&](Context<Device>& context, bool is_cotangent, Tensor<T, Device>& images) {
    AugmentationChain<T, Device, Families...> chain(std::tuple(families...));
    is_cotangent ? chain.apply_backward(context, RandomStream(4), probability, images)
                 : chain.apply(context, RandomStream(4), probability, images);
  });
}

template <class T, class Device>
void check_all(double tolerance) {
  for (const std::string kind : {"rgb", "grey", "two_channels"}) {
    check_map<T, Device>(kind, "diff_augment", tolerance,
                         [](Context<Device>& context, bool is_cotangent, Tensor<T, Device>& images) {
                           Augmenter<T, Device> augmenter;
                           const RandomStream random = RandomStream(4).child(0);
                           is_cotangent ? augmenter.apply_backward(context, random, AugmentationOptions{}, images)
                                        : augmenter.apply(context, random, AugmentationOptions{}, images);
                         });
    check_families<T, Device>(kind, "pixel_blit", tolerance, 1, PixelBlit{});
    check_families<T, Device>(kind, "geometric_warp", tolerance, 1, GeometricWarp{});
    check_families<T, Device>(kind, "band_filter", tolerance, 1, BandFilter{});
    check_families<T, Device>(kind, "corruption", tolerance, 1, Corruption{});
    if (kind == "two_channels") continue;  // the paper has colours and grey pictures
    check_families<T, Device>(kind, "colour_change", tolerance, 1, ColourChange{});
    check_families<T, Device>(kind, "chain", tolerance, 0.6, PixelBlit{}, GeometricWarp{}, ColourChange{}, BandFilter{},
                              Corruption{});
  }
}

}  // namespace

// With g++ 12 double reaches 3e-15 and float 2e-7.

TEST_CASE("augmentations and their adjoints are PyTorch's by the papers' formulas, in double") {
  check_all<double, Cpu>(1e-10);
}
TEST_CASE("augmentations and their adjoints are PyTorch's by the papers' formulas, in float") { check_all<float, Cpu>(1e-4); }
TEST_CASE("augmentations and their adjoints are PyTorch's by the papers' formulas, on the reference device") {
  check_all<double, Reference>(1e-10);
}
