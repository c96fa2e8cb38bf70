// SPDX-License-Identifier: Apache-2.0
#include "nash/io/gif.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "message_of.hpp"
#include "temporary_folder.hpp"

using namespace nash;

namespace {

struct Animation {
  std::vector<Image> pictures;  // in colour
  std::vector<int> delays;
  bool endless = false;
};

Animation read_gif(const std::filesystem::path& path) {
  int error = 0;
  GifFileType* gif = ::DGifOpenFileName(path.c_str(), &error);
  REQUIRE(gif != nullptr);
  REQUIRE(::DGifSlurp(gif) == GIF_OK);
  Animation animation;
  for (int i = 0; i < gif->ImageCount; ++i) {
    const SavedImage& saved = gif->SavedImages[i];
    REQUIRE(saved.ImageDesc.Width == gif->SWidth);
    REQUIRE(saved.ImageDesc.Height == gif->SHeight);
    Image image{.height = gif->SHeight, .width = gif->SWidth, .channels = 3, .pixels = {}};
    for (int p = 0; p < gif->SHeight * gif->SWidth; ++p) {
      const GifColorType colour = gif->SColorMap->Colors[saved.RasterBits[p]];
      image.pixels.insert(image.pixels.end(), {colour.Red, colour.Green, colour.Blue});
    }
    animation.pictures.push_back(std::move(image));
    GraphicsControlBlock control{};
    REQUIRE(::DGifSavedExtensionToGCB(gif, i, &control) == GIF_OK);
    animation.delays.push_back(control.DelayTime);
    for (int e = 0; e < saved.ExtensionBlockCount; ++e) {
      const ExtensionBlock& block = saved.ExtensionBlocks[e];
      const std::string_view content(reinterpret_cast<const char*>(block.Bytes), static_cast<std::size_t>(block.ByteCount));
      animation.endless = animation.endless || content == "NETSCAPE2.0";
    }
  }
  ::DGifCloseFile(gif, &error);
  return animation;
}

Image grey_ramp(int offset) {
  Image image{.height = 16, .width = 16, .channels = 1, .pixels = {}};
  for (int i = 0; i < 256; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i + offset));
  return image;
}

}  // namespace

TEST_CASE("GIF: grey pictures keep their values; delays and the loop are there") {
  const TemporaryFolder folder;
  const std::vector<Image> pictures{grey_ramp(0), grey_ramp(100), grey_ramp(7)};
  write_gif(folder / "a.gif", pictures, {.delay = 12, .last_delay = 150});
  const Animation animation = read_gif(folder / "a.gif");
  REQUIRE(animation.pictures.size() == 3);
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t p = 0; p < 256; ++p)
      for (std::size_t c = 0; c < 3; ++c) REQUIRE(animation.pictures[i].pixels[3 * p + c] == pictures[i].pixels[p]);
  CHECK(animation.delays == std::vector<int>{12, 12, 150});
  CHECK(animation.endless);

  write_gif(folder / "b.gif", pictures, {.endless = false});
  CHECK_FALSE(read_gif(folder / "b.gif").endless);
}

TEST_CASE("GIF: enlarged by whole pixels") {
  const TemporaryFolder folder;
  const Image image{.height = 1, .width = 2, .channels = 1, .pixels = {0, 200}};
  write_gif(folder / "a.gif", std::span(&image, 1), {.enlarge = 3});
  const Image read = read_gif(folder / "a.gif").pictures.at(0);
  CHECK(read.height == 3);
  CHECK(read.width == 6);
  CHECK(int{read.pixels[3 * 8]} == 0);
  CHECK(int{read.pixels[3 * 9]} == 200);
}

TEST_CASE("GIF: colours of the palette are exact, and dithering keeps the mean of the others") {
  const TemporaryFolder folder;
  const std::vector<std::uint8_t> exact{0, 0, 0, 255, 255, 255, 51, 0, 102, 255, 85, 0, 0, 170, 204};
  const Image image{.height = 1, .width = 5, .channels = 3, .pixels = exact};
  write_gif(folder / "a.gif", std::span(&image, 1));
  CHECK(read_gif(folder / "a.gif").pictures.at(0).pixels == exact);

  for (const int value : {3, 60, 127, 200, 252}) {
    CAPTURE(value);
    const Image flat{.height = 16, .width = 16, .channels = 3, .pixels = Bytes(16 * 16 * 3, static_cast<std::uint8_t>(value))};
    write_gif(folder / "b.gif", std::span(&flat, 1));
    double sum[3] = {};
    const Bytes pixels = read_gif(folder / "b.gif").pictures.at(0).pixels;
    for (std::size_t i = 0; i < pixels.size(); ++i) sum[i % 3] += pixels[i];
    for (const double channel : sum)
      CHECK(std::abs(channel / 256 - value) < 2);  // sixteen steps between levels 51 apart, rounded
  }
}

TEST_CASE("GIF: what is no animation is not written") {
  const TemporaryFolder folder;
  const auto message = [&](const std::vector<Image>& pictures, const GifOptions& options = {}) {
    return message_of<ShapeError>([&] { write_gif(folder / "a.gif", pictures, options); });
  };
  CHECK(message({}) == "encode_gif: expected at least one picture, got none.\nAdd pictures before writing.");
  CHECK(message({grey_ramp(0), {.height = 1, .width = 256, .channels = 1, .pixels = Bytes(256)}}) ==
        "encode_gif: expected pictures of 16×16×1, as the first one, got 1×256×1.\nMake all of one size.");
  CHECK(message({grey_ramp(0), {.height = 16, .width = 16, .channels = 3, .pixels = Bytes(768)}}).find("got 16×16×3") !=
        std::string::npos);
  CHECK(message({{.height = 1, .width = 2, .channels = 1, .pixels = {}}}).starts_with("encode_gif: expected one byte a pixel"));
  CHECK(message({grey_ramp(0)}, {.delay = -1})
            .starts_with("encode_gif: expected a delay from 0 to 65535 hundredths of a second, got -1."));
  CHECK(message({grey_ramp(0)}, {.last_delay = 65536}).find("got 65536") != std::string::npos);
  for (const index_t factor : {0, 5000})
    CHECK(message({grey_ramp(0)}, {.enlarge = factor})
              .starts_with(concat({"encode_gif: expected a picture of at most 65535×65535 pixels, got 16×16 enlarged ", factor,
                                  " times."})));
  CHECK_FALSE(std::filesystem::exists(folder / "a.gif"));
}
