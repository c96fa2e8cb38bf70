// SPDX-License-Identifier: Apache-2.0
#include "nash/io/safetensors.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "message_of.hpp"
#include "temporary_folder.hpp"

using namespace nash;

namespace {

Bytes with_length(std::uint64_t length, std::string_view header, std::size_t data_size) {
  Bytes bytes(8 + header.size() + data_size);
  std::memcpy(bytes.data(), &length, 8);
  std::copy(header.begin(), header.end(), bytes.begin() + 8);
  return bytes;
}

struct SafetensorsFile : TemporaryFolder {
  std::filesystem::path file = *this / "net.safetensors";

  std::string message(const Bytes& bytes) const {
    write_file(file, bytes);
    const std::string message = message_of([&] { load_safetensors<float>(file); });
    CHECK(message.starts_with(file.string() + ": "));
    return message.substr(std::min(message.size(), file.string().size() + 2));
  }
};

/// What must be said, in the first line, about a file with this header and so many bytes of values.
void check_problem(std::string_view header, std::size_t data_size, std::string_view expected) {
  const std::string message = SafetensorsFile().message(with_length(header.size(), header, data_size));
  CHECK(std::string_view(message).substr(0, message.find('\n')) == expected);
}

/// A header with one tensor "a".
std::string tensor(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return concat({R"({"a":{"dtype":")", dtype, R"(","shape":)", shape, R"(,"data_offsets":)", offsets, "}}"});
}

}  // namespace

TEST_CASE_TEMPLATE("safetensors: what is saved is what is loaded, in the same order", T, float, double) {
  const SafetensorsFile folder;
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const std::vector<NamedTensor<T>> tensors{
      {.name = "z.weight",
       .shape = {2, 3},
       .values = {1, T(-0.1), std::numeric_limits<T>::denorm_min(), std::numeric_limits<T>::max(), nan, T(-0.0)}},
      {.name = "a", .shape = {}, .values = {T(1) / 3}},
      {.name = "empty", .shape = {4, 0, 2}, .values = {}},
      {.name = "quote \" ü 😀 \n", .shape = {1, 1, 1, 2}, .values = {5, 6}},
  };
  save_safetensors(folder.file, tensors, {{"step", "12"}, {"note", "a \"b\"\n"}});
  const Safetensors<T> loaded = load_safetensors<T>(folder.file);
  REQUIRE(loaded.tensors.size() == tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    CHECK(loaded.tensors[i].name == tensors[i].name);
    CHECK(loaded.tensors[i].shape == tensors[i].shape);
    REQUIRE(loaded.tensors[i].values.size() == tensors[i].values.size());
    if (!tensors[i].values.empty())
      CHECK(std::memcmp(loaded.tensors[i].values.data(), tensors[i].values.data(), tensors[i].values.size() * sizeof(T)) == 0);
  }
  CHECK(loaded.metadata == Metadata{{"step", "12"}, {"note", "a \"b\"\n"}});
  REQUIRE(loaded.find("a") != nullptr);
  CHECK(loaded.find("a")->values[0] == T(1) / 3);
  CHECK(loaded.find("b") == nullptr);

  // The values begin at a multiple of 8 bytes.
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, read_file(folder.file, 1 << 20).data(), 8);
  CHECK(header_size % 8 == 0);
}

TEST_CASE("safetensors: float and double convert, and a file without tensors is one") {
  const SafetensorsFile folder;
  save_safetensors<double>(folder.file, {{.name = "a", .shape = {2}, .values = {0.1, -2.5}}});
  CHECK(load_safetensors<float>(folder.file).tensors[0].values == std::vector<float>{0.1f, -2.5f});
  save_safetensors<float>(folder.file, {{.name = "a", .shape = {2}, .values = {0.1f, -2.5f}}});
  CHECK(load_safetensors<double>(folder.file).tensors[0].values == std::vector<double>{double{0.1f}, -2.5});
  save_safetensors<float>(folder.file, {});
  CHECK(load_safetensors(folder.file).tensors.empty());
}

TEST_CASE("safetensors: a file of the Python package") {
  const auto file = load_safetensors<double>(std::filesystem::path(NASH_TEST_DATA) / "golden/python_safetensors.safetensors");
  CHECK(file.tensors.size() == 11);
  CHECK(file.metadata == Metadata{{"format", "pt"}, {"note", "line 1\nline 2: \"ß😀\""}});
  const auto check = [&](std::string_view name, const Shape& shape, const std::vector<double>& values) {
    CAPTURE(name);
    const auto* tensor = file.find(name);
    REQUIRE(tensor != nullptr);
    CHECK(tensor->shape == shape);
    CHECK(tensor->values == values);
  };
  check("0.weight", {2, 3}, {-0.5, -0.25, 0, 0.25, 0.5, 0.75});
  check("0.bias", {2}, {double{1e-30f}, -3.5});
  check("double", {2, 1}, {0.1, 1.0 / 3.0});
  check("brain", {3}, {1, -2.5, 0x1.C4p127});
  check("long", {2}, {-0x1p40, 7});
  check("int", {2}, {-0x1p31, 0x1p31 - 1});
  check("bytes", {2}, {0, 255});
  check("scalar", {}, {0.25});
  check("nothing", {0, 4}, {});
  check("Zürich \"\t\\ 😀", {1, 1, 1, 1}, {1});
  const auto& half = file.find("half")->values;
  CHECK(std::vector(half.begin(), half.begin() + 4) ==
        std::vector<double>{0x1p-24, -0x1p-14, 65504, std::numeric_limits<double>::infinity()});
  CHECK(std::isnan(half[4]));
}

TEST_CASE_TEMPLATE("safetensors: what is saved is, byte by byte, a file that the Python package reads", T, float, double) {
  // By tests/golden/nash_safetensors.py, which also says how to write these files anew.
  using limits = std::numeric_limits<T>;
  const auto golden = std::filesystem::path(NASH_TEST_DATA) / "golden" /
                      concat({"nash_", sizeof(T) == 4 ? "float" : "double", ".safetensors"});
  const SafetensorsFile folder;
  const auto file = std::getenv("NASH_UPDATE_GOLDEN") != nullptr ? golden : folder.file;
  save_safetensors<T>(file,
                      {{.name = "0.weight", .shape = {2, 3}, .values = {T(-0.5), T(-0.25), 0, T(0.25), T(0.5), T(0.75)}},
                       {.name = "0.bias",
                        .shape = {5},
                        .values = {limits::denorm_min(), limits::max(), T(-0.0), -limits::infinity(), limits::quiet_NaN()}},
                       {.name = "third", .shape = {}, .values = {T(1) / 3}},
                       {.name = "nothing", .shape = {4, 0, 2}, .values = {}},
                       {.name = "Zürich \"\t\\ 😀", .shape = {1, 1, 1, 1}, .values = {1}}},
                      {{"format", "nash"}, {"note", "line 1\nline 2: \"ß😀\""}});
  CHECK(read_file(file, 1 << 20) == read_file(golden, 1 << 20));
}

TEST_CASE("safetensors: all half-precision numbers") {
  // Against the definition: (-1)^s · 2^(e-15) · (1 + f/1024), or 2^-14 · f/1024 for e = 0 (IEEE 754-2008, section 3.4).
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const unsigned exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double value = detail::Float16{static_cast<std::uint16_t>(bits)};
    if (exponent == 31 && fraction != 0) {
      REQUIRE(std::isnan(value));
    } else {
      const double size = exponent == 31  ? std::numeric_limits<double>::infinity()
                          : exponent == 0 ? std::pow(2.0, -14) * fraction / 1024
                                          : std::pow(2.0, static_cast<int>(exponent) - 15) * (1.0 + fraction / 1024.0);
      REQUIRE(value == (bits >> 15 != 0 ? -size : size));
      REQUIRE(std::signbit(value) == (bits >> 15 != 0));
    }
  }
}

TEST_CASE("safetensors: no header, or one longer than the file") {
  const SafetensorsFile folder;
  CHECK(folder.message({}) ==
        "expected a safetensors file of at least 8 bytes, got 0.\nThe file is cut short; write it again.");
  CHECK(folder.message(Bytes(7)).starts_with("expected a safetensors file of at least 8 bytes, got 7."));
  const std::string remedy = " bytes.\nIt is cut short or no safetensors file; write it again.";
  CHECK(folder.message(with_length(3, "{}", 0)) == "expected a header of at most 2 bytes at offset 0, got 3" + remedy);
  for (const std::uint64_t length : {std::uint64_t{1} << 63, std::numeric_limits<std::uint64_t>::max(), std::uint64_t{1} << 62})
    CHECK(folder.message(with_length(length, "{}", 0)) ==
          concat({"expected a header of at most 2 bytes at offset 0, got ", length}) + remedy);
  // A header above 100 MB in a file that is long enough: sparse, so that it costs nothing.
  write_file(folder.file, with_length(100'000'001, "{}", 0));
  std::filesystem::resize_file(folder.file, 100'000'100);
  CHECK(message_of([&] {
          load_safetensors(folder.file);
        }).find("expected a header of at most 100000000 bytes at offset 0, got 100000001") != std::string::npos);
}

TEST_CASE("safetensors: a header that is not what it should be") {
  const std::string many_brackets(1'000'000, '['), many_braces = R"({"a":)" + std::string(1'000'000, '{');
  check_problem("", 0, "expected '{' at offset 8, got the end of the text.");
  check_problem("PK\x03\x04", 0, "expected '{' at offset 8, got byte 80.");
  check_problem("[]", 0, "expected '{' at offset 8, got byte 91.");
  check_problem("{\"a\"", 0, "expected ':' at offset 12, got the end of the text.");
  check_problem("{} x", 0, "expected the end of the JSON text at offset 11, got byte 120.");
  check_problem("{}\xFF", 0, "the header is not UTF-8.");
  check_problem(many_brackets, 0, "expected '{' at offset 8, got byte 91.");
  check_problem(many_braces, 0, "expected a text in quotes at offset 14, got byte 123.");
  check_problem(R"({"a":1})", 0, "expected '{' at offset 13, got byte 49.");
  check_problem(R"({"__metadata__":{"a":1}})", 0, "expected a text in quotes at offset 29, got byte 49.");
  check_problem(R"({"a":{}})", 0, "tensor a lacks dtype, shape or two data_offsets.");
  check_problem(R"({"a":{"dtype":"F32","shape":[1]}})", 4, "tensor a lacks dtype, shape or two data_offsets.");
  check_problem(R"({"a":{"dtype":"F32","colour":1}})", 4, "tensor a has an unknown entry colour.");
  check_problem(tensor("F32", "[1]", "[0]"), 4, "tensor a lacks dtype, shape or two data_offsets.");
  check_problem(tensor("F32", "[1]", "[0,4,8]"), 4, "tensor a has more than two offsets.");
  check_problem(tensor("F32", "[1,1,1,1,1]", "[0,4]"), 4, "the shape of tensor a has more than 4 dimensions.");
  check_problem(tensor("F8_E4M3", "[4]", "[0,4]"), 4, "expected F32, F64, F16, BF16, I64, I32 or U8 in tensor a, got F8_E4M3.");
  check_problem(tensor("F32", "[-1]", "[0,4]"), 4, "expected a whole number of at least 0 at offset 37, got byte 45.");
  check_problem(tensor("F32", "[1.5]", "[0,4]"), 4, "expected a whole number of at least 0 at offset 38, got byte 46.");
  check_problem(tensor("F32", "[99999999999999999999]", "[0,4]"), 4, "expected a number below 2^63 at offset 55, got byte 57.");
}

TEST_CASE("safetensors: names that come twice") {
  const std::string a = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  check_problem("{" + a + "," + a + "}", 4, "the name a comes twice.");
  check_problem(R"({"__metadata__":{},"__metadata__":{}})", 0, "the name __metadata__ comes twice.");
  check_problem(R"({"__metadata__":{"k":"1","k":"2"}})", 0, "the metadata k come twice.");
  check_problem(R"({"a":{"dtype":"F32","dtype":"F64"}})", 0, "tensor a has its dtype twice.");
  // No message carries what would move a terminal's cursor.
  check_problem(R"({"a\u001b[2J":{}})", 0, "tensor a?[2J lacks dtype, shape or two data_offsets.");
}

TEST_CASE("safetensors: offsets that do not fit") {
  const auto two = [](std::string_view offsets_a, std::string_view offsets_b) {
    return concat({R"({"a":{"dtype":"F32","shape":[2],"data_offsets":)", offsets_a,
                  R"(},"b":{"dtype":"F32","shape":[2],"data_offsets":)", offsets_b, "}}"});
  };
  check_problem(tensor("F32", "[2]", "[0,8]"), 7, "tensor a is larger than the file.");
  check_problem(tensor("F32", "[1]", "[0,8]"), 4, "tensor a has the offsets 0 to 8 in 4 bytes of values.");
  check_problem(tensor("F32", "[1]", "[4,0]"), 4, "tensor a has the offsets 4 to 0 in 4 bytes of values.");
  check_problem(tensor("F32", "[1]", "[0,8]"), 8, "tensor a of shape 1 and type F32 needs 4 bytes and has 8.");
  check_problem(tensor("F64", "[]", "[0,4]"), 8, "tensor a of shape scalar and type F64 needs 8 bytes and has 4.");
  check_problem(tensor("F32", "[1]", "[4,8]"), 8, "nothing uses the values from offset 0 to 4.");
  check_problem(tensor("F32", "[1]", "[0,4]"), 5, "nothing uses the values from offset 4 to 5.");
  check_problem("{}", 3, "nothing uses the values from offset 0 to 3.");
  check_problem(two("[0,8]", "[4,12]"), 16, "tensor b overlaps the one before it, at offset 4.");
  check_problem(two("[0,8]", "[0,8]"), 8, "tensor b overlaps the one before it, at offset 0.");
  check_problem(two("[12,20]", "[0,8]"), 20, "nothing uses the values from offset 8 to 12.");
}

TEST_CASE("safetensors: sizes that overflow") {
  const std::string problem = "tensor a is larger than the file.";
  check_problem(tensor("F32", "[4611686018427387904]", "[0,4]"), 4, problem);
  check_problem(tensor("F32", "[4294967296,4294967296]", "[0,4]"), 4, problem);
  check_problem(tensor("F32", "[9223372036854775807,9223372036854775807,2,1]", "[0,4]"), 4, problem);
  check_problem(tensor("F32", "[0,4294967296,4294967296]", "[0,0]"), 0, problem);
  check_problem(tensor("F32", "[4294967296,4294967296,0]", "[0,0]"), 0, problem);
}

TEST_CASE("safetensors: what cannot be saved") {
  const SafetensorsFile folder;
  const auto message = [&](const std::vector<NamedTensor<float>>& tensors, const Metadata& metadata = {}) {
    return message_of([&] { save_safetensors(folder.file, tensors, metadata); });
  };
  const NamedTensor<float> a{.name = "a", .shape = {1}, .values = {1}};
  const std::string where = folder.file.string() + ": ";
  CHECK(message({a, a}) == where + "cannot hold two tensors named a.\nGive each a name of its own, other than __metadata__.");
  CHECK(message({{.name = "__metadata__", .shape = {1}, .values = {1}}})
            .starts_with(where + "cannot hold two tensors named __metadata__."));
  CHECK(message({{.name = "\xFF", .shape = {1}, .values = {1}}}) ==
        where + "a name or metadata that are not UTF-8.\nGive them in UTF-8.");
  CHECK(message({a}, {{"k", "\xFF"}}).starts_with(where + "a name or metadata that are not UTF-8."));
  CHECK(message_of<ShapeError>([&] { save_safetensors<float>(folder.file, {{.name = "a", .shape = {2}, .values = {1}}}); }) ==
        "save_safetensors (a): expected 2 values for 2, got 1.\nGive one value an element.");
  CHECK_FALSE(std::filesystem::exists(folder.file));
}

TEST_CASE("safetensors: any one byte of a file changed is an error or another file, never a crash") {
  const SafetensorsFile folder;
  save_safetensors<float>(
      folder.file, {{.name = "a", .shape = {2}, .values = {1, 2}}, {.name = "b", .shape = {}, .values = {3}}}, {{"k", "v"}});
  const Bytes whole = read_file(folder.file, 1 << 20);
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const int flip : {0x01, 0x10, 0x80}) {
      Bytes changed = whole;
      changed[i] = static_cast<std::uint8_t>(changed[i] ^ flip);
      write_file(folder.file, changed);
      try {
        for (const auto& tensor : load_safetensors(folder.file).tensors)
          REQUIRE(tensor.shape.count() == static_cast<index_t>(tensor.values.size()));
      } catch (const DataError&) {
      }
    }
}
