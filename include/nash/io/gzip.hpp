// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zlib.h>

#include <algorithm>

#include "nash/io/file.hpp"

namespace nash {

/// A file read from its beginning, plain or compressed by gzip: its first two bytes tell which, not its name.
class GzipFile {
 public:
  NASH_COLD explicit GzipFile(std::filesystem::path path) : file_(std::move(path)) {
    std::uint8_t magic[2] = {};
    compressed_ = file_.read(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
    ::lseek(file_.descriptor(), 0, SEEK_SET);
    if (::inflateInit2(&stream_, 15 + 16) != Z_OK) throw DataError(name(), "zlib cannot start", "free some memory");
  }
  GzipFile(const GzipFile&) = delete;
  GzipFile& operator=(const GzipFile&) = delete;
  ~GzipFile() { ::inflateEnd(&stream_); }

  std::string name() const { return file_.path().string(); }
  bool compressed() const { return compressed_; }

  /// How many bytes the file can hold at most. No more than 1032 come from one compressed byte (a match of 258 of them
  /// takes two bits; RFC 1951, section 3.2.5), so that an absurd size in a header shows before anything is allocated.
  index_t most_bytes() const { return compressed_ ? 1032 * file_.size() : file_.size(); }

  /// Where the next byte comes from, for messages.
  std::string position() const { return concat({"offset ", offset_, compressed_ ? " of the decompressed data" : ""}); }

  /// Reads on until `to` is full or the data end; returns how many bytes came. Throws DataError if they are corrupt.
  NASH_COLD index_t read(std::span<std::uint8_t> to) {
    const index_t got = compressed_ ? inflate_into(to) : file_.read(to);
    offset_ += got;
    return got;
  }

  /// Reads `count` bytes, or fewer where the data end before. The memory grows with what is really there.
  NASH_COLD Bytes read_up_to(index_t count) {
    constexpr index_t first_size = 1 << 16;
    Bytes bytes;
    bytes.reserve(static_cast<std::size_t>(std::min(count, 16 * file_.size())));
    index_t have = 0;
    while (have < count) {
      const index_t wanted = std::min(count - have, std::max(have, first_size));
      bytes.resize(static_cast<std::size_t>(have + wanted));
      const index_t got = read(std::span(bytes).subspan(static_cast<std::size_t>(have)));
      have += got;
      if (got < wanted) break;
    }
    bytes.resize(static_cast<std::size_t>(have));
    return bytes;
  }

  NASH_COLD bool at_end() {
    std::uint8_t next;
    return read({&next, 1}) == 0;
  }

 private:
  NASH_COLD index_t inflate_into(std::span<std::uint8_t> to) {
    index_t have = 0;
    while (have < static_cast<index_t>(to.size()) && !finished_) {
      if (stream_.avail_in == 0 && !refill())
        throw DataError(name(), concat({"the gzip data are cut short after ", offset_ + have, " decompressed bytes"}),
                        "download or copy the file again");
      const auto room = static_cast<uInt>(std::min<std::size_t>(to.size() - static_cast<std::size_t>(have), 1 << 30));
      stream_.next_out = to.data() + have;
      stream_.avail_out = room;
      const int status = ::inflate(&stream_, Z_NO_FLUSH);
      have += static_cast<index_t>(room - stream_.avail_out);
      if (status == Z_STREAM_END)
        start_next_member();
      else if (status != Z_OK)
        throw DataError(name(),
                        concat({"the gzip data are corrupt after ", offset_ + have,
                               " decompressed bytes: ", stream_.msg != nullptr ? stream_.msg : "unexpected end"}),
                        "download or copy the file again");
    }
    return have;
  }

  NASH_COLD bool refill() {
    stream_.next_in = input_;
    stream_.avail_in = static_cast<uInt>(file_.read(input_));
    return stream_.avail_in != 0;
  }

  /// A gzip file may be several joined together (RFC 1952, section 2.2).
  NASH_COLD void start_next_member() {
    finished_ = stream_.avail_in == 0 && !refill();
    ::inflateReset(&stream_);
  }

  InputFile file_;
  bool compressed_ = false;
  bool finished_ = false;
  index_t offset_ = 0;
  z_stream stream_{};
  std::uint8_t input_[1 << 15];
};

}  // namespace nash
