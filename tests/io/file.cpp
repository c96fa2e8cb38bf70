// SPDX-License-Identifier: Apache-2.0
#include "nash/io/file.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>

#include "message_of.hpp"
#include "temporary_folder.hpp"

using namespace nash;

namespace {

std::ptrdiff_t files_in(const std::filesystem::path& folder) {
  return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator{});
}

/// As on a disk with no more space, while it lives: files cannot grow beyond so many bytes.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    previous_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, previous_handler_);
  }

 private:
  rlimit before_{};
  void (*previous_handler_)(int) = nullptr;
};

}  // namespace

TEST_CASE("write_file: writes what read_file reads, in a folder that it creates, and leaves nothing else there") {
  const TemporaryFolder folder;
  const auto path = folder / "a/b/c.bin";
  const Bytes bytes{0, 1, 255};
  write_file(path, bytes);
  CHECK(read_file(path, 3) == bytes);
  write_file(path, Bytes{});
  CHECK(read_file(path, 0).empty());
  CHECK(files_in(path.parent_path()) == 1);
}

TEST_CASE("write_file: a name as long as the file system allows") {
  const TemporaryFolder folder;
  const auto path = folder / std::string(255, 'x');
  write_file(path, Bytes{7});
  CHECK(read_file(path, 1) == Bytes{7});
}

TEST_CASE("write_file: the permissions are those that the process gives its files") {
  const TemporaryFolder folder;
  const ::mode_t before = ::umask(027);
  write_file(folder / "file", Bytes{1});
  ::umask(before);
  CHECK(static_cast<int>(std::filesystem::status(folder / "file").permissions()) == 0640);
}

TEST_CASE("write_file: when the disk is full the old file stays and nothing is left behind") {
  const TemporaryFolder folder;
  const auto path = folder / "file";
  const Bytes old{1, 2, 3};
  write_file(path, old);
  std::string message;
  {
    const FileSizeLimit limit(1000);
    message = message_of([&] { write_file(path, Bytes(5000, 9)); });
  }
  CHECK(message ==
        path.string() + ": cannot be written: File too large.\nChoose a folder that you may write to, with enough space.");
  CHECK(read_file(path, 100) == old);
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("AtomicFile: without commit there is no file; several at once do not disturb each other") {
  const TemporaryFolder folder;
  {
    AtomicFile abandoned(folder / "abandoned");
    abandoned.write("text");
    AtomicFile finished(folder / "finished");
    finished.write("more text");
    finished.commit();
  }
  CHECK(files_in(folder.path()) == 1);
  CHECK(read_file(folder / "finished", 100).size() == 9);
}

TEST_CASE("write_file: a symbolic link stays one, and what it leads to is written") {
  namespace fs = std::filesystem;
  const TemporaryFolder folder;
  fs::create_directory(folder / "there");
  write_file(folder / "there/file", Bytes{1});
  fs::create_symlink("there/file", folder / "link");
  fs::create_symlink(folder / "link", folder / "link to link");
  write_file(folder / "link to link", Bytes{2});
  CHECK(fs::read_symlink(folder / "link to link") == folder / "link");
  CHECK(fs::read_symlink(folder / "link") == "there/file");
  CHECK(read_file(folder / "there/file", 1) == Bytes{2});

  // Its file may be missing, and even the folder of that.
  fs::create_symlink("new/file", folder / "there/dangling");
  write_file(folder / "there/dangling", Bytes{3});
  CHECK(fs::read_symlink(folder / "there/dangling") == "new/file");
  CHECK(read_file(folder / "there/new/file", 1) == Bytes{3});
  CHECK(files_in(folder.path()) == 3);
  CHECK(files_in(folder / "there") == 3);

  fs::create_symlink("there", folder / "link to folder");
  CHECK(message_of([&] { write_file(folder / "link to folder", Bytes{}); }).find("got a folder") != std::string::npos);
  fs::create_symlink("circle", folder / "circle");
  CHECK(message_of([&] { write_file(folder / "circle", Bytes{}); }) ==
        (folder / "circle").string() +
            ": cannot be opened for writing: Too many levels of symbolic links.\nName a file on disk.");
}

TEST_CASE("write_file: a pipe and a device stay what they are") {
  namespace fs = std::filesystem;
  const TemporaryFolder folder;
  const auto pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  fs::create_symlink("pipe", folder / "link");
  const std::string problem = ": expected the name of a file to write, got a device or a pipe.\nName a file on disk.";
  for (const auto& path : {pipe, folder / "link"})
    CHECK(message_of([&] { write_file(path, Bytes{1}); }) == path.string() + problem);
  CHECK(fs::is_fifo(fs::symlink_status(pipe)));
  CHECK(files_in(folder.path()) == 2);

  // By a link without a name to lead to; not /dev/null itself, which root would lose where this fails.
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const std::string nameless = concat({"/proc/self/fd/", ends[1]});
  CHECK(message_of([&] { write_file(nameless, Bytes{1}); }) == nameless + problem);
  ::close(ends[0]);
  ::close(ends[1]);
  fs::create_symlink("/dev/null", folder / "device");
  CHECK(message_of([&] { AtomicFile file(folder / "device"); }) == (folder / "device").string() + problem);
}

TEST_CASE("writing where that is impossible names the path, the reason and the remedy") {
  const TemporaryFolder folder;
  write_file(folder / "file", Bytes{1});
  const std::string remedy = "\nChoose a folder that you may write to.";
  CHECK(message_of([&] { write_file(folder / "file/inside/x.png", Bytes{}); }) ==
        (folder / "file/inside/x.png").string() + ": cannot create its folder " + (folder / "file/inside").string() +
            ": Not a directory." + remedy);
  CHECK(message_of([&] { write_file(folder / "file/x.png", Bytes{}); }) ==
        (folder / "file/x.png").string() + ": cannot create its folder " + (folder / "file").string() + ": Not a directory." +
            remedy);
  CHECK(message_of([] {
          write_file("/proc/nash/x.png", Bytes{});
        }).starts_with("/proc/nash/x.png: cannot create its folder /proc/nash: "));
  CHECK(message_of([&] { write_file(folder.path(), Bytes{}); }) ==
        folder.path().string() + ": expected the name of a file to write, got a folder.\nAdd a file name.");
  CHECK(message_of([] { write_file("", Bytes{}); }) == "output file: the path is empty.\nName a file to write.");
  CHECK(message_of([] {
          OutputFile("/proc/version/x");
        }).starts_with("/proc/version/x: cannot create its folder /proc/version: "));
  CHECK(message_of([&] {
          OutputFile file(folder.path());
        }).starts_with(folder.path().string() + ": cannot be opened for writing: Is a directory."));
}

TEST_CASE("read_file: what is no readable file of at most the size allowed") {
  const TemporaryFolder folder;
  const auto path = folder / "file";
  CHECK(message_of([&] { read_file(path, 10); }) ==
        path.string() + ": cannot be opened: No such file or directory.\nCheck the path and its permissions.");
  CHECK(message_of([&] { read_file(folder.path(), 10); }) ==
        folder.path().string() + ": expected a file, got a folder.\nName a file on disk.");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(message_of([&] { read_file(folder / "pipe", 10); }) ==
        (folder / "pipe").string() + ": expected a file, got a device or a pipe.\nName a file on disk.");
  write_file(path, Bytes(11));
  CHECK(message_of([&] { read_file(path, 10); }) ==
        path.string() + ": expected at most 10 bytes, got 11 bytes.\nCheck that it is the file you mean.");
  // A sparse file of 1 TiB: refused by its size, before any memory is asked for.
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40);
  CHECK(message_of([&] { read_file(path, 1 << 20); }).find("got 1099511627776 bytes") != std::string::npos);
}
