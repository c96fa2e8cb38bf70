// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Everything for the CPU that needs no library but the standard one and OpenMP. File formats are in <nash/io.hpp>.
#include "nash/core/version.hpp"
#include "nash/data/loader.hpp"
#include "nash/loss/hinge.hpp"
#include "nash/loss/least_squares.hpp"
#include "nash/loss/minimax.hpp"
#include "nash/loss/non_saturating.hpp"
#include "nash/loss/relativistic_average.hpp"
#include "nash/loss/wasserstein.hpp"
#include "nash/model/dcgan.hpp"
#include "nash/model/dcgan_dense.hpp"
#include "nash/model/goodfellow.hpp"
#include "nash/model/mlp.hpp"
#include "nash/nn/layers.hpp"
#include "nash/optim/adam.hpp"
#include "nash/optim/ema.hpp"
#include "nash/optim/rmsprop.hpp"
#include "nash/optim/schedule.hpp"
#include "nash/optim/sgd.hpp"
#include "nash/train/gan_trainer.hpp"
