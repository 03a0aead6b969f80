#include "engine/metrics/exposition.h"

#include <array>
#include <charconv>
#include <cmath>

#include "engine/base/check.h"
#include "engine/text/escape.h"

namespace sluice::metrics {
namespace {

constexpr std::array<std::string_view, 3> kKindWords{"counter", "gauge", "histogram"};

// As Go prints it, so that a bound is the same text everywhere: "0.005", "1.0", "+Inf".
std::string number(double value, bool is_bound = false) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  constexpr double kExact = 9'007'199'254'740'992;  // 2^53
  std::array<char, 64> text{};
  // A whole number without an exponent, which shortest() may have.
  const bool whole = std::trunc(value) >= value && std::trunc(value) <= value && std::abs(value) < kExact;
  const auto end = whole ? std::to_chars(text.data(), text.data() + text.size(), static_cast<std::int64_t>(value)).ptr
                         : std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  std::string written(text.data(), end);
  return whole && is_bound ? written + ".0" : written;
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
}

class Writer {
 public:
  explicit Writer(Format format) : format_(format) {}

  void add(const Family& family) {
    CHECK(!family.help.contains('\n') && !family.help.contains('\\') && !family.help.contains('"'));
    if (family.samples.empty() && family.histograms.empty()) return;
    std::string name(family.name);
    const bool counter = family.kind == Kind::counter;
    const std::string sample_name = counter ? name + "_total" : name;
    // The classic format names what the samples are called.
    if (counter && format_ == Format::classic) name = sample_name;
    out_.append("# HELP ").append(name).append(" ").append(family.help).append("\n");
    out_.append("# TYPE ").append(name).append(" ").append(kKindWords[static_cast<std::size_t>(family.kind)]) += '\n';
    for (const std::string_view unit : {"seconds", "bytes"})
      if (format_ == Format::open_metrics && family.name.ends_with("_" + std::string(unit)))
        out_.append("# UNIT ").append(name).append(" ").append(unit) += '\n';
    for (const Sample& sample : family.samples) line(sample_name, sample.labels, {}, sample.value);
    for (const HistogramSample& sample : family.histograms) add_histogram(name, sample);
  }

  std::string take() {
    if (format_ == Format::open_metrics) out_ += "# EOF\n";
    return std::move(out_);
  }

 private:
  void add_histogram(const std::string& name, const HistogramSample& sample) {
    const Histogram& histogram = sample.value;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
      below += histogram.counts()[i];
      const double bound = i < histogram.bounds().size() ? histogram.bounds()[i] : HUGE_VAL;
      line(name + "_bucket", sample.labels, number(bound, /*is_bound=*/true), static_cast<double>(below));
    }
    line(name + "_sum", sample.labels, {}, histogram.sum());
    line(name + "_count", sample.labels, {}, static_cast<double>(below));
  }

  // `bound`: of a bucket; empty: it is none.
  void line(std::string_view name, std::span<const Label> labels, std::string_view bound, double value) {
    out_ += name;
    char separator = '{';
    const auto add_label = [&](std::string_view label, std::string_view text) {
      (out_ += separator).append(label).append("=\"");
      append_escaped(out_, text);
      out_ += '"';
      separator = ',';
    };
    for (const Label& label : labels) add_label(label.name, text::escaped_line(label.value));
    if (!bound.empty()) add_label("le", bound);
    if (separator == ',') out_ += '}';
    out_.append(" ").append(number(value)) += '\n';
  }

  const Format format_;
  std::string out_;
};

}  // namespace

std::string_view content_type(Format format) {
  return format == Format::open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                        : "text/plain; version=0.0.4; charset=utf-8";
}

std::string expose(std::span<const Family> families, Format format) {
  Writer writer(format);
  for (const Family& family : families) writer.add(family);
  return writer.take();
}

}  // namespace sluice::metrics
