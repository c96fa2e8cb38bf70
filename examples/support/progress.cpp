// SPDX-License-Identifier: Apache-2.0
#include "support/progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <string>

namespace example {

Progress::Progress(nash::index_t steps, nash::index_t batch_size)
    : steps_(steps), batch_size_(batch_size), terminal_(isatty(STDOUT_FILENO) != 0), begin_(Clock::now()), last_shown_(begin_) {}

void Progress::show(const nash::StepReport& report) {
  const Clock::time_point now = Clock::now();
  const bool last = report.step >= steps_;
  if (terminal_) {
    if (!last && report.step > 1 && now - last_shown_ < std::chrono::milliseconds(100)) return;
  } else {
    if (!last && report.step < next_line_) return;
    next_line_ = report.step + std::max<nash::index_t>(1, steps_ / 20);
  }
  last_shown_ = now;

  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const double done = static_cast<double>(report.step) / static_cast<double>(steps_);
  const double rate = static_cast<double>(report.step * batch_size_) / std::max(seconds, 1e-9);
  const long left = static_cast<long>(seconds * (1 - done) / done + 0.5);

  std::string bar;
  constexpr int width = 20;
  for (int i = 0; i < width; ++i) bar += i < static_cast<int>(done * width) ? "█" : "·";
  const auto number = [](const char* name, const std::optional<double>& value) {
    char text[48];
    if (value) std::snprintf(text, sizeof text, "  %s %.3f", name, *value);
    return value ? std::string(text) : std::string();
  };
  const std::string numbers = number("D", report.d_loss) + number("G", report.g_loss) + number("D(x)", report.d_real) +
                              number("D(G(z))", report.d_fake);
  std::printf("%s%s %3.0f %%  step %lld/%lld  %.0f images/s%s  %ld:%02ld left%s", terminal_ ? "\r" : "", bar.c_str(), 100 * done,
              static_cast<long long>(report.step), static_cast<long long>(steps_), rate, numbers.c_str(), left / 60, left % 60,
              terminal_ ? "\033[K" : "\n");
  std::fflush(stdout);
}

void Progress::finish() {
  if (terminal_) std::printf("\n");
  std::fflush(stdout);
}

}  // namespace example
