#include "engine/metrics/exposition.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

namespace sluice::metrics {
namespace {

Family counter(double value) {
  return {.name = "sluice_sessions_accepted",
          .kind = Kind::counter,
          .help = "Sessions.",
          .samples = {{.labels = {}, .value = value}},
          .histograms = {}};
}

TEST(Exposition, ACounterIsNamedAsTheFormatHasIt) {
  EXPECT_EQ(expose({{counter(7)}}, Format::classic),
            "# HELP sluice_sessions_accepted_total Sessions.\n"
            "# TYPE sluice_sessions_accepted_total counter\n"
            "sluice_sessions_accepted_total 7\n");
  EXPECT_EQ(expose({{counter(7)}}, Format::open_metrics),
            "# HELP sluice_sessions_accepted Sessions.\n"
            "# TYPE sluice_sessions_accepted counter\n"
            "sluice_sessions_accepted_total 7\n"
            "# EOF\n");
}

TEST(Exposition, NumbersAreWrittenInFull) {
  const auto shown = [](double value) {
    const std::string text = expose({{counter(value)}}, Format::classic);
    return text.substr(text.rfind(' ') + 1);
  };
  EXPECT_EQ(shown(0), "0\n");
  EXPECT_EQ(shown(123'456'789'012'345), "123456789012345\n");
  EXPECT_EQ(shown(0.1), "0.1\n");
  EXPECT_EQ(shown(-2.5), "-2.5\n");
  EXPECT_EQ(shown(std::nan("")), "NaN\n");
  EXPECT_EQ(shown(std::numeric_limits<double>::infinity()), "+Inf\n");
  EXPECT_EQ(shown(-std::numeric_limits<double>::infinity()), "-Inf\n");
}

TEST(Exposition, AGaugeWithLabelsAndUnit) {
  const Family family{.name = "sluice_spool_disk_bytes",
                      .kind = Kind::gauge,
                      .help = "On the disk.",
                      .samples = {{.labels = {{"core", "0"}, {"place", "a"}}, .value = 1}, {.labels = {}, .value = 2}},
                      .histograms = {}};
  EXPECT_EQ(expose({{family}}, Format::open_metrics),
            "# HELP sluice_spool_disk_bytes On the disk.\n"
            "# TYPE sluice_spool_disk_bytes gauge\n"
            "# UNIT sluice_spool_disk_bytes bytes\n"
            "sluice_spool_disk_bytes{core=\"0\",place=\"a\"} 1\n"
            "sluice_spool_disk_bytes 2\n"
            "# EOF\n");
}

TEST(Exposition, BucketsAreCumulative) {
  static constexpr std::array<double, 2> kBounds{0.5, 2};
  Histogram histogram(kBounds);
  for (const double value : {0.25, 0.25, 1.0, 5.0}) histogram.observe(value);
  const Family family{.name = "sluice_login_seconds",
                      .kind = Kind::histogram,
                      .help = "Logins.",
                      .samples = {},
                      .histograms = {{.labels = {{"result", "granted"}}, .value = histogram}}};
  EXPECT_EQ(expose({{family}}, Format::classic),
            "# HELP sluice_login_seconds Logins.\n"
            "# TYPE sluice_login_seconds histogram\n"
            "sluice_login_seconds_bucket{result=\"granted\",le=\"0.5\"} 2\n"
            "sluice_login_seconds_bucket{result=\"granted\",le=\"2.0\"} 3\n"
            "sluice_login_seconds_bucket{result=\"granted\",le=\"+Inf\"} 4\n"
            "sluice_login_seconds_sum{result=\"granted\"} 6.5\n"
            "sluice_login_seconds_count{result=\"granted\"} 4\n");
}

TEST(Exposition, NoLabelBreaksOutOfItsLine) {
  Family family = counter(1);
  family.samples[0].labels = {{"host", std::string("a\"} 5\n# TYPE x\r\\\x1b[2J\x80\0z", 23)}};
  const std::string text = expose({{family}}, Format::classic);
  EXPECT_EQ(std::ranges::count(text, '\n'), 3);
  EXPECT_TRUE(text.ends_with("{host=\"a\\\"} 5\\\\n# TYPE x\\\\r\\\\\\\\u001b[2J\\\\ufffd\\\\u0000z\"} 1\n")) << text;
}

TEST(Exposition, AFamilyWithoutSamplesIsLeftOut) {
  Family family = counter(1);
  family.samples.clear();
  EXPECT_EQ(expose({{family}}, Format::classic), "");
  EXPECT_EQ(expose({{family}}, Format::open_metrics), "# EOF\n");
}

}  // namespace
}  // namespace sluice::metrics
