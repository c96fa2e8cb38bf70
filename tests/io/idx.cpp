// SPDX-License-Identifier: Apache-2.0
#include "nash/io/idx.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "message_of.hpp"
#include "temporary_folder.hpp"

using namespace nash;

namespace {

Bytes gzip(const Bytes& bytes) {
  z_stream stream{};
  REQUIRE(::deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  Bytes compressed(::deflateBound(&stream, static_cast<uLong>(bytes.size())));
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = compressed.data();
  stream.avail_out = static_cast<uInt>(compressed.size());
  REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  compressed.resize(stream.total_out);
  ::deflateEnd(&stream);
  return compressed;
}

Bytes joined(Bytes first, const Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

/// Two pictures of 2×3 pixels from 1 to 12.
Bytes image_file() { return {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; }
Bytes label_file() { return {0, 0, 8, 1, 0, 0, 0, 4, 9, 0, 255, 3}; }

struct IdxFile : TemporaryFolder {
  std::filesystem::path file = *this / "digits";

  /// What reading these bytes as images says, without the name of the file.
  std::string images_message(const Bytes& bytes, index_t size_limit = idx_size_limit) const {
    write_file(file, bytes);
    return without_name(message_of([&] { read_idx_images(file, size_limit); }));
  }
  std::string labels_message(const Bytes& bytes) const {
    write_file(file, bytes);
    return without_name(message_of([&] { read_idx_labels(file); }));
  }

 private:
  std::string without_name(const std::string& message) const {
    const std::string name = file.string() + ": ";
    CHECK(message.starts_with(name));
    return message.substr(std::min(name.size(), message.size()));
  }
};

}  // namespace

TEST_CASE("IDX images: plain, compressed and in two compressed members") {
  const IdxFile folder;
  const Bytes plain = image_file();
  const Bytes head(plain.begin(), plain.begin() + 11), tail(plain.begin() + 11, plain.end());
  for (const Bytes& bytes : {plain, gzip(plain), joined(gzip(head), gzip(tail))}) {
    write_file(folder.file, bytes);
    const IdxImages images = read_idx_images(folder.file);
    CHECK(images.count == 2);
    CHECK(images.height == 2);
    CHECK(images.width == 3);
    CHECK(images.pixels == Bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  }
}

TEST_CASE("IDX labels: plain and compressed") {
  const IdxFile folder;
  for (const Bytes& bytes : {label_file(), gzip(label_file())}) {
    write_file(folder.file, bytes);
    CHECK(read_idx_labels(folder.file) == Bytes{9, 0, 255, 3});
  }
}

TEST_CASE("IDX: what is written is what is read, also when it fills many buffers") {
  const IdxFile folder;
  IdxImages images{.count = 1000, .height = 17, .width = 19, .pixels = Bytes(1000 * 17 * 19)};
  std::uint32_t state = 1;
  for (auto& pixel : images.pixels) pixel = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  write_idx_images(folder.file, images);
  CHECK(read_idx_images(folder.file).pixels == images.pixels);
  write_file(folder.file, gzip(read_file(folder.file, 1 << 20)));
  CHECK(read_idx_images(folder.file).pixels == images.pixels);

  const Bytes labels{3, 1, 4};
  write_idx_labels(folder.file, labels);
  CHECK(read_idx_labels(folder.file) == labels);
}

TEST_CASE("IDX: writing what is no set of images") {
  const IdxFile folder;
  CHECK(message_of<ShapeError>([&] {
          write_idx_images(folder.file, {.count = 1, .height = 2, .width = 2, .pixels = Bytes(3)});
        }) == "write_idx_images: expected 4 pixels for 1×2×2, got 3.\nGive one byte a pixel.");
  CHECK(message_of<ShapeError>([&] { write_idx_images(folder.file, {}); }) ==
        "write_idx_images: expected sizes from 1 to 4294967295, got 0.\nWrite at least one image.");
  CHECK(message_of<ShapeError>([&] { write_idx_labels(folder.file, {}); }) ==
        "write_idx_labels: expected at least one label, got none.\nGive one label an image.");
}

TEST_CASE("IDX: another kind of file") {
  const IdxFile folder;
  const std::string images = "expected an IDX file of images (unsigned bytes in 3 dimensions) at offset 0, got ";
  const std::string labels = "expected an IDX file of labels (unsigned bytes in 1 dimension) at offset 0, got ";
  const std::string give_images = ".\nGive the file of images, whose name usually ends in -images-idx3-ubyte or that and .gz.";
  const std::string give_labels = ".\nGive the file of labels, whose name usually ends in -labels-idx1-ubyte or that and .gz.";
  CHECK(folder.images_message(label_file()) == images + "1 dimension: a file of labels" + give_images);
  CHECK(folder.labels_message(image_file()) == labels + "3 dimensions: a file of images" + give_labels);
  CHECK(folder.labels_message(gzip(image_file())) == labels + "3 dimensions: a file of images" + give_labels);
  CHECK(folder.images_message({0, 0, 8, 4, 0}) == images + "4 dimensions: a file of something else" + give_images);
  CHECK(folder.images_message({'P', 'K', 3, 4, 5}) == images + "the bytes 80 75 3 4, which are no IDX header" + give_images);
  CHECK(folder.images_message({0, 0, 0x0D, 3}) == images + "32-bit floats.\nConvert them to unsigned bytes from 0 to 255.");
  CHECK(folder.images_message({0, 0, 7, 3}) ==
        images + "elements of unknown type 7.\nConvert them to unsigned bytes from 0 to 255.");
  CHECK(folder.images_message({}) == images + "an empty file.\nDownload or copy the file again.");
  CHECK(folder.images_message({0, 0}) == images + "a file of 2 bytes.\nDownload or copy the file again.");
}

TEST_CASE("IDX: cut short") {
  const IdxFile folder;
  const Bytes whole = image_file();
  for (std::size_t size = 4; size < 16; ++size)
    CHECK(folder.images_message(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))) ==
          concat({"expected a header of 16 bytes, got ", size,
                 " bytes in all.\nThe file is cut short; download or copy it again."}));
  const std::string remedy = ".\nThe file is cut short or its header is wrong; download or copy it again.";
  const Bytes cut(whole.begin(), whole.end() - 1);
  CHECK(folder.images_message(cut) == "expected 12 bytes of images (2×2×3) from offset 16, got 11" + remedy);
  CHECK(folder.images_message(gzip(cut)) == "expected 12 bytes of images (2×2×3) from offset 16, got 11" + remedy);
  const Bytes labels = label_file();
  CHECK(folder.labels_message(Bytes(labels.begin(), labels.end() - 1)) ==
        "expected 4 bytes of labels (4) from offset 8, got 3" + remedy);
}

TEST_CASE("IDX: more than the header says") {
  const IdxFile folder;
  const std::string remedy = ", got more bytes.\nThe header is wrong or something was added; download or copy the file again.";
  CHECK(folder.images_message(joined(image_file(), {0})) ==
        "expected the end of the file at offset 28, after 2×2×3 bytes of images" + remedy);
  CHECK(folder.labels_message(gzip(joined(label_file(), {0}))) ==
        "expected the end of the file at offset 12 of the decompressed data, after 4 bytes of labels" + remedy);
}

TEST_CASE("IDX: empty sets and pictures") {
  const IdxFile folder;
  const std::string expected = "expected at least one of the images, none without pixels, at offset 4, got ";
  CHECK(folder.images_message({0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3}) ==
        expected + "0×2×3.\nCheck how the file was made.");
  CHECK(folder.images_message({0, 0, 8, 3, 0, 0, 0, 1, 255, 255, 255, 255, 0, 0, 0, 0}) ==
        expected + "1×4294967295×0.\nCheck how the file was made.");
  CHECK(folder.labels_message({0, 0, 8, 1, 0, 0, 0, 0}) ==
        "expected at least one of the labels, none without pixels, at offset 4, got 0.\nCheck how the file was made.");
}

TEST_CASE("IDX: sizes that overflow or exceed the file are refused before memory is asked for") {
  const IdxFile folder;
  const Bytes overflowing{0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1};
  const std::string limit =
      "expected at most 4294967296 bytes of images, got 4294967295×4294967295×4294967295 at offset 4.\n"
      "Check that it is the file you mean, or raise the limit.";
  CHECK(folder.images_message(overflowing) == limit);
  CHECK(folder.images_message(gzip(overflowing)) == limit);
  CHECK(folder.images_message(image_file(), 11).starts_with("expected at most 11 bytes of images, got 2×2×3 at offset 4."));
  // Products of 2⁶⁴ and of 2⁶³, where the limit is no help.
  constexpr index_t no_limit = std::numeric_limits<index_t>::max();
  CHECK(folder.images_message({0, 0, 8, 3, 0, 0, 0, 1, 128, 0, 0, 0, 128, 0, 0, 0}, no_limit) ==
        "expected 4611686018427387904 bytes of images (1×2147483648×2147483648) from offset 16, got 0.\n"
        "The file is cut short or its header is wrong; download or copy it again.");
  CHECK(folder.images_message({0, 0, 8, 3, 0, 0, 0, 2, 128, 0, 0, 0, 128, 0, 0, 0}, no_limit)
            .starts_with("expected at most 9223372036854775807 bytes of images, got 2×2147483648×2147483648"));

  Bytes large = image_file();
  large[4] = 100;
  CHECK(folder.images_message(large).starts_with("expected 10066329612 bytes of images") == false);  // above the limit of 4 GiB
  large[4] = 10;
  CHECK(
      folder.images_message(large).starts_with("expected 1006632972 bytes of images (167772162×2×3) from offset 16, got 12."));
  CHECK(folder.images_message(gzip(large))
            .starts_with("expected 1006632972 bytes of images (167772162×2×3) from offset 16, got at most "));
}

TEST_CASE("IDX: a compressed file that grows without end stops at what its header says") {
  const IdxFile folder;
  Bytes bomb = image_file();
  bomb.resize(50'000'000);  // zeros
  const Bytes compressed = gzip(bomb);
  REQUIRE(compressed.size() < 100'000);
  CHECK(folder.images_message(compressed)
            .starts_with("expected the end of the file at offset 28 of the decompressed data, after 2×2×3 bytes of images"));
}

TEST_CASE("IDX: corrupt compressed data") {
  const IdxFile folder;
  const Bytes whole = gzip(image_file());
  const std::string again = ".\nDownload or copy the file again.";
  for (std::size_t size = 2; size < whole.size(); ++size) {
    CAPTURE(size);
    const std::string message = folder.images_message(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    const bool is_clear =
        message.starts_with("the gzip data are cut short after ") || message.starts_with("expected 12 bytes of images");
    CHECK(is_clear);
  }
  CHECK(folder.images_message({0x1f, 0x8b}) == "the gzip data are cut short after 0 decompressed bytes" + again);
  CHECK(folder.images_message({0x1f, 0x8b, 8, 255, 1, 2}) ==
        "the gzip data are corrupt after 0 decompressed bytes: unknown header flags set" + again);
  Bytes wrong_sum = whole;
  wrong_sum[wrong_sum.size() - 8] ^= 1;
  CHECK(folder.images_message(wrong_sum) ==
        "the gzip data are corrupt after 28 decompressed bytes: incorrect data check" + again);
  CHECK(folder.images_message(joined(whole, {1, 2, 3})) ==
        "the gzip data are corrupt after 28 decompressed bytes: incorrect header check" + again);
}
