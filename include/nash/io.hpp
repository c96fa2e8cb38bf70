// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The file formats that need libraries: link nash::io, which brings zlib, libpng and giflib.
#include "nash/data/idx_folder.hpp"
#include "nash/io/csv.hpp"
#include "nash/io/file.hpp"
#include "nash/io/gif.hpp"
#include "nash/io/gzip.hpp"
#include "nash/io/idx.hpp"
#include "nash/io/image.hpp"
#include "nash/io/png.hpp"
#include "nash/io/safetensors.hpp"
#include "nash/train/checkpoint.hpp"
