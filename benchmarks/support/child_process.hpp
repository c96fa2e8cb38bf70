// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

namespace benchmark {

/// A program that reads what is said to it and answers. Its errors go where this program's go.
class ChildProcess {
 public:
  explicit ChildProcess(std::vector<std::string> command) {
    std::signal(SIGPIPE, SIG_IGN);  // a child that has ended shows in what it does not answer
    int to[2], from[2];
    if (pipe(to) != 0 || pipe(from) != 0) throw std::runtime_error("no pipe to another program");
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("no process for another program");
    if (pid_ == 0) {
      dup2(to[0], STDIN_FILENO);
      dup2(from[1], STDOUT_FILENO);
      for (const int end : {to[0], to[1], from[0], from[1]}) close(end);
      std::vector<char*> arguments;
      for (std::string& argument : command) arguments.push_back(argument.data());
      arguments.push_back(nullptr);
      execvp(arguments[0], arguments.data());
      _exit(127);
    }
    close(to[0]);
    close(from[1]);
    to_ = fdopen(to[1], "wb");
    from_ = fdopen(from[0], "rb");
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() {
    std::fclose(to_);
    std::fclose(from_);
    waitpid(pid_, nullptr, 0);
  }

  /// Without effect once it has ended.
  void write(const std::string& line) {
    std::fputs((line + "\n").c_str(), to_);
    std::fflush(to_);
  }
  void write(const float* values, std::size_t count) {
    std::fwrite(values, sizeof(float), count, to_);
    std::fflush(to_);
  }

  std::string read_line() {
    std::string line;
    for (int c; (c = std::fgetc(from_)) != '\n'; line += static_cast<char>(c))
      if (c == EOF) throw std::runtime_error("another program ended too early; see its message");
    return line;
  }
  void read(float* values, std::size_t count) {
    if (std::fread(values, sizeof(float), count, from_) != count) throw std::runtime_error("another program ended too early; see its message");
  }

 private:
  pid_t pid_ = 0;
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
};

}  // namespace benchmark
