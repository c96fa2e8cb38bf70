// SPDX-License-Identifier: Apache-2.0
#include "nash/io/safetensors_header.hpp"

#include <doctest/doctest.h>

#include "message_of.hpp"

using namespace nash;
using namespace nash::detail;

TEST_CASE("half-precision numbers and bfloat16 are the values that their bits mean") {
  CHECK(double(Float16{0x3C00}) == 1);
  CHECK(double(Float16{0xC500}) == -5);
  CHECK(double(Float16{0x7BFF}) == 65504);               // the largest
  CHECK(double(Float16{0x0001}) == std::ldexp(1.0, -24));  // the smallest
  CHECK(std::signbit(double(Float16{0x8000})));
  CHECK(double(Float16{0x7C00}) == std::numeric_limits<double>::infinity());
  CHECK(std::isnan(double(Float16{0x7E00})));
  CHECK(double(BFloat16{0x3F80}) == 1);
  CHECK(double(BFloat16{0xC0A0}) == -5);
}

TEST_CASE("a header is its tensors in the order of their values, and its texts") {
  const SafetensorsHeader header(R"({"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},"__metadata__":{"by":"nash"},
                                     "a":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]}})", "file", 12);
  REQUIRE(header.entries.size() == 2);
  CHECK(header.entries[0].name == "a");
  CHECK(header.entries[0].shape == Shape{2, 2});
  CHECK(header.entries[1].dtype == "F32");
  CHECK(header.entries[1].begin == 4);
  CHECK(header.entries[1].end == 12);
  CHECK(header.metadata == Metadata{{"by", "nash"}});
}

TEST_CASE("what does not fit is refused with the file's name and the tensor's, whose name cannot move a cursor") {
  const auto message = [](std::string_view text) { return message_of<DataError>([&] { SafetensorsHeader(text, "file", 8); }); };
  CHECK(message(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}})").starts_with("file: "));
  CHECK(message(R"({"w":{"dtype":"F8","shape":[8],"data_offsets":[0,8]}})").find("expected F32, F64, F16, BF16, I64, I32 or U8 in tensor w, got F8") !=
        std::string::npos);
  CHECK(printable("a\nb\x7F") == "a?b?");
  CHECK(printable(std::string(65, 'x')) == std::string(64, 'x').append("…"));
}
