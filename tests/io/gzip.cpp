// SPDX-License-Identifier: Apache-2.0
#include "nash/io/gzip.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"
#include "temporary_folder.hpp"

using namespace nash;

namespace {

void write_gzip(const std::filesystem::path& path, const Bytes& bytes) {
  gzFile file = ::gzopen(path.c_str(), "wb9");
  REQUIRE(file != nullptr);
  REQUIRE(::gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())) == static_cast<int>(bytes.size()));
  REQUIRE(::gzclose(file) == Z_OK);
}

}  // namespace

TEST_CASE("GzipFile: reads plain and compressed files alike, whatever their names") {
  const TemporaryFolder folder;
  Bytes bytes(200'000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * i / 7);
  write_file(folder / "plain.gz", bytes);
  write_gzip(folder / "compressed", bytes);
  for (const bool compressed : {false, true}) {
    GzipFile file(folder / (compressed ? "compressed" : "plain.gz"));
    CHECK(file.compressed() == compressed);
    CHECK(file.position() == (compressed ? "offset 0 of the decompressed data" : "offset 0"));
    CHECK(file.read_up_to(150'000) == Bytes(bytes.begin(), bytes.begin() + 150'000));
    CHECK(file.position().starts_with("offset 150000"));
    CHECK_FALSE(file.at_end());
    CHECK(file.read_up_to(100'000) == Bytes(bytes.begin() + 150'001, bytes.end()));
    CHECK(file.at_end());
  }
  write_file(folder / "empty", Bytes{});
  CHECK(GzipFile(folder / "empty").at_end());
  write_gzip(folder / "empty", Bytes{});
  CHECK(GzipFile(folder / "empty").at_end());
}

TEST_CASE("GzipFile: memory grows with what is there, not with what is asked for") {
  const TemporaryFolder folder;
  write_gzip(folder / "small", Bytes(1000, 7));
  constexpr index_t gigabyte = index_t{1} << 30;
  const Bytes bytes = GzipFile(folder / "small").read_up_to(gigabyte);
  CHECK(bytes.size() == 1000);
  CHECK(bytes.capacity() <= 1 << 16);
}

TEST_CASE("GzipFile: nothing holds more than most_bytes()") {
  const TemporaryFolder folder;
  write_gzip(folder / "zeros", Bytes(10'000'000));
  GzipFile file(folder / "zeros");
  CHECK(file.most_bytes() >= 10'000'000);
  CHECK(file.most_bytes() < 11'000'000);
  write_file(folder / "plain", Bytes(5));
  CHECK(GzipFile(folder / "plain").most_bytes() == 5);
}
