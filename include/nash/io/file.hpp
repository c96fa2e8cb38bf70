// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "nash/core/error.hpp"

namespace nash {

/// What a file holds, or is about to.
using Bytes = std::vector<std::uint8_t>;

/// What the operating system says about an error number: "No such file or directory".
NASH_COLD inline std::string system_reason(int error_number) { return std::generic_category().message(error_number); }

/// Creates the folder that a file is to lie in, with its parents. Throws DataError where that is impossible.
NASH_COLD inline void create_folder_of(const std::filesystem::path& path) {
  if (path.empty()) throw DataError("output file", "the path is empty", "name a file to write");
  const auto folder = path.parent_path();
  if (folder.empty()) return;
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  std::error_code ignored;
  if (std::filesystem::is_directory(folder, ignored)) return;
  const int reason = failure ? failure.value() : ENOTDIR;
  throw DataError(path.string(), concat({"cannot create its folder ", folder.string(), ": ", system_reason(reason)}),
                  "choose a folder that you may write to");
}

/// A regular file, open for reading. Throws DataError where the file cannot be opened or read.
class InputFile {
 public:
  NASH_COLD explicit InputFile(std::filesystem::path path) : path_(std::move(path)) {
    descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // without O_NONBLOCK a named pipe would hang
    if (descriptor_ < 0) fail("cannot be opened", errno);
    struct ::stat status {};
    const bool known = ::fstat(descriptor_, &status) == 0;
    if (!known || !S_ISREG(status.st_mode)) {
      ::close(descriptor_);
      throw DataError(path_.string(), "a file", known && S_ISDIR(status.st_mode) ? "a folder" : "a device or a pipe",
                      "name a file on disk");
    }
    size_ = static_cast<index_t>(status.st_size);
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile() { ::close(descriptor_); }

  const std::filesystem::path& path() const { return path_; }
  int descriptor() const { return descriptor_; }

  /// The length in bytes when it was opened.
  index_t size() const { return size_; }

  /// Reads on until `to` is full or the file ends; returns how many bytes came.
  NASH_COLD index_t read(std::span<std::uint8_t> to) {
    std::size_t have = 0;
    while (have < to.size()) {
      const auto got = ::read(descriptor_, to.data() + have, to.size() - have);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail("cannot be read", errno);
      if (got == 0) break;
      have += static_cast<std::size_t>(got);
    }
    return static_cast<index_t>(have);
  }

 private:
  [[noreturn]] void fail(std::string_view what, int error_number) const {
    throw DataError(path_.string(), concat({what, ": ", system_reason(error_number)}), "check the path and its permissions");
  }

  std::filesystem::path path_;
  int descriptor_ = -1;
  index_t size_ = 0;
};

/// All bytes of a file of at most `size_limit` bytes. Throws DataError, before allocating anything, if it is larger.
NASH_COLD inline Bytes read_file(const std::filesystem::path& path, index_t size_limit) {
  InputFile file(path);
  if (file.size() > size_limit)
    throw DataError(path.string(), concat({"at most ", size_limit, " bytes"}), concat({file.size(), " bytes"}),
                    "check that it is the file you mean");
  Bytes bytes(static_cast<std::size_t>(file.size()));
  const index_t got = file.read(bytes);
  if (got != file.size())
    throw DataError(path.string(), concat({file.size(), " bytes"}), concat({got, " bytes"}),
                    "it changed while it was read; try again");
  return bytes;
}

/// A file open for writing: what write() has returned from is in the operating system's hands, and outlives this process.
/// Creates the file's folder where it is missing. Throws DataError where anything fails.
class OutputFile {
 public:
  /// Creates the file, or empties the one that is there.
  NASH_COLD explicit OutputFile(std::filesystem::path path) : path_(std::move(path)) {
    create_folder_of(path_);
    if (!open(path_, O_TRUNC)) fail("cannot be opened for writing", errno);
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  const std::filesystem::path& path() const { return path_; }

  NASH_COLD void write(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
      const auto written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("cannot be written", errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }
  NASH_COLD void write(std::string_view text) { write({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}); }

 private:
  friend class AtomicFile;
  struct NotYetOpen {};

  OutputFile(std::filesystem::path path, NotYetOpen) : path_(std::move(path)) {}

  NASH_COLD bool open(const std::filesystem::path& name, int how) {
    descriptor_ = ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | how, 0666);
    return descriptor_ >= 0;
  }

  [[noreturn]] void fail(std::string_view what, int error_number) const {
    throw DataError(path_.string(), concat({what, ": ", system_reason(error_number)}),
                    "choose a folder that you may write to, with enough space");
  }

  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// A file that appears whole or not at all: it is written under another name in the same folder, and commit() syncs it
/// and gives it its name. Without commit() nothing is left behind, and a file that had the name stays as it was.
///
/// A symbolic link stays one: the file is what it leads to, which need not exist yet. Throws DataError for the name of a
/// folder, of a device or of a pipe: they would be replaced by the file.
class AtomicFile {
 public:
  NASH_COLD explicit AtomicFile(const std::filesystem::path& path) : file_(target_of(path), OutputFile::NotYetOpen{}) {
    create_folder_of(file_.path_);
    std::error_code ignored;
    if (std::filesystem::is_directory(file_.path_, ignored))
      throw DataError(file_.path_.string(), "the name of a file to write", "a folder", "add a file name");
    for (int attempt = 0; !try_to_open(attempt); ++attempt)
      if (errno != EEXIST) file_.fail("cannot be opened for writing", errno);
  }
  ~AtomicFile() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  NASH_COLD void write(std::span<const std::uint8_t> bytes) { file_.write(bytes); }
  NASH_COLD void write(std::string_view text) { file_.write(text); }

  NASH_COLD void commit() {
    if (::fsync(file_.descriptor_) != 0) file_.fail("cannot be written", errno);
    if (::close(std::exchange(file_.descriptor_, -1)) != 0) file_.fail("cannot be written", errno);
    if (::rename(temporary_.c_str(), file_.path_.c_str()) != 0) file_.fail("cannot be renamed from its temporary name", errno);
    const auto folder = temporary_.parent_path();
    temporary_.clear();
    // The new name is on the disk only once the folder is, too; a file system that cannot sync folders is no error.
    const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
      ::fsync(descriptor);
      ::close(descriptor);
    }
  }

 private:
  /// Where symbolic links lead from the path, which is a regular file, a folder or nothing yet.
  NASH_COLD static std::filesystem::path target_of(const std::filesystem::path& path) {
    namespace fs = std::filesystem;
    std::error_code failure, ignored;
    const auto what = fs::status(path, failure);
    if (failure == std::errc::too_many_symbolic_link_levels)
      throw DataError(path.string(), concat({"cannot be opened for writing: ", system_reason(failure.value())}),
                      "name a file on disk");
    // Before any link is followed: those of /proc/self/fd, where /dev/stdout leads, need not lead to a name.
    if (fs::exists(what) && !fs::is_regular_file(what) && !fs::is_directory(what))
      throw DataError(path.string(), "the name of a file to write", "a device or a pipe", "name a file on disk");
    fs::path target = path;
    while (fs::is_symlink(fs::symlink_status(target, ignored))) {
      const fs::path next = fs::read_symlink(target, failure);
      if (failure) break;
      target = target.parent_path() / next;
    }
    return target;
  }

  NASH_COLD bool try_to_open(int attempt) {
    // A short name of its own: the file's name with something added could be too long for the file system.
    auto name = file_.path_.parent_path() / concat({".nash-", ::getpid(), "-", attempt, ".tmp"});
    if (!file_.open(name, O_EXCL)) return false;
    temporary_ = std::move(name);
    return true;
  }

  OutputFile file_;
  std::filesystem::path temporary_;
};

/// Writes a whole file atomically, creating its folder where it is missing. Throws DataError where that fails.
NASH_COLD inline void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace nash
