// SPDX-License-Identifier: Apache-2.0
#include "nash/io/json_text.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "message_of.hpp"

using namespace nash;

namespace {

std::string read_string(std::string_view json) { return JsonReader(json, "here", 8).read_string(); }
index_t read_count(std::string_view json) { return JsonReader(json, "here", 8).read_count(); }
std::string string_message(std::string_view json) {
  return message_of([&] { read_string(json); });
}
std::string count_message(std::string_view json) {
  return message_of([&] { read_count(json); });
}

}  // namespace

TEST_CASE("JsonReader: texts with escapes") {
  CHECK(read_string(R"("plain")") == "plain");
  CHECK(read_string(R"( "\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
  CHECK(read_string(R"("\u0041\u00fC\u20AC\ud83d\uDE00")") == "Aü€😀");
  CHECK(read_string(R"("\u0000")") == std::string(1, '\0'));
}

TEST_CASE("JsonReader: texts that are none") {
  const std::string remedy = ".\nThe file is damaged or of another format; write it again.";
  CHECK(string_message("abc") == "here: expected a text in quotes at offset 8, got byte 97" + remedy);
  CHECK(string_message("") == "here: expected a text in quotes at offset 8, got the end of the text" + remedy);
  CHECK(string_message("\"abc") == "here: expected the closing quote of a text at offset 12, got the end of the text" + remedy);
  CHECK(string_message("\"a\nb\"") == "here: expected no control character in a text at offset 10, got byte 10" + remedy);
  CHECK(string_message(R"("\x")") == "here: expected an escape of JSON at offset 10, got byte 120" + remedy);
  CHECK(string_message("\"\\").starts_with("here: expected an escape of JSON at offset 10, got the end of the text"));
  CHECK(string_message(R"("\u12g4")").starts_with("here: expected four hexadecimal digits at offset 13, got byte 103"));
  CHECK(string_message(R"("\u12)").starts_with("here: expected four hexadecimal digits at offset 13, got the end of the text"));
  for (const auto* lone : {R"("\ud83d")", R"("\ud83d\n")", R"("\ud83d\u0041")", R"("\ude00")"})
    CHECK(string_message(lone).starts_with("here: expected a pair of surrogates at offset "));
}

TEST_CASE("JsonReader: whole numbers") {
  CHECK(read_count("0") == 0);
  CHECK(read_count(" 12,") == 12);
  CHECK(read_count("9223372036854775807") == 9223372036854775807);
  CHECK(count_message("9223372036854775808").starts_with("here: expected a number below 2^63 at offset 26"));
  for (const auto* wrong : {"-1", "1.0", "1e2", "01", "x", ""})
    CHECK(count_message(wrong).starts_with("here: expected a whole number of at least 0 at offset "));
}

TEST_CASE("JsonReader: objects and arrays in their order") {
  JsonReader json(R"( { "b" : [ 1 , 2 ], "a":[], "b":[3] } )", "here", 0);
  std::vector<std::string> keys;
  std::vector<index_t> numbers;
  json.read_object([&](const std::string& key) {
    keys.push_back(key);
    json.read_array([&] { numbers.push_back(json.read_count()); });
  });
  json.expect_end();
  CHECK(keys == std::vector<std::string>{"b", "a", "b"});
  CHECK(numbers == std::vector<index_t>{1, 2, 3});

  for (const auto* wrong :
       {"{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{\"a\" 1}", "{1:1}", "[]", "{\"a\":1]", ""}) {
    CAPTURE(wrong);
    JsonReader reader(wrong, "here", 0);
    CHECK(message_of([&] {
            reader.read_object([&](const std::string&) { reader.read_count(); });
          }).starts_with("here: expected "));
  }
  for (const auto* wrong : {"[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{}", "[1}"}) {
    CAPTURE(wrong);
    JsonReader reader(wrong, "here", 0);
    CHECK(message_of([&] { reader.read_array([&] { reader.read_count(); }); }).starts_with("here: expected "));
  }
  JsonReader rest("{} x", "here", 0);
  rest.read_object([](const std::string&) {});
  CHECK(message_of([&] { rest.expect_end(); }) ==
        "here: expected the end of the JSON text at offset 3, got byte 120.\n"
        "The file is damaged or of another format; write it again.");
}

TEST_CASE("is_utf8: what RFC 3629 allows") {
  for (const auto* good :
       {"", "a", "ü", "€", "😀", "\x7F", "\xC2\x80", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"})
    CHECK(is_utf8(good));
  for (const auto* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2",
                          "\xC2"
                          "A",
                          "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                          "\xF5\x80\x80\x80", "\xFF", "a\xF0\x9F\x98"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_utf8(bad));
  }
}

TEST_CASE("append_json_string: what JsonReader reads back") {
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  all += "ü€😀";
  std::string json;
  append_json_string(json, all);
  CHECK(read_string(json) == all);
  json.clear();
  append_json_string(json, "\n\"\\/");
  CHECK(json == R"("\u000a\"\\/")");
}
