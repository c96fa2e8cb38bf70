#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the golden values that the tests in this folder compare nash with: what PyTorch computes, in float64.

    python3 -m venv ~/torch
    ~/torch/bin/pip install torch numpy safetensors      # any build of PyTorch: all of this runs on the CPU
    ~/torch/bin/python tests/golden/make_golden.py       # all files; or name some: make_golden.py layers losses

The files stand beside this script and hold the version of PyTorch in their metadata. Every case seeds its own random
numbers, so adding one leaves the others as they are; with the same PyTorch the files come out the same to the last byte
on the same kind of machine.

Everything is written in nash's layouts: images N×H×W×C, filters O×H×W×I, those of transposed convolutions I×H×W×O, which
is the one permutation (0, 2, 3, 1) of PyTorch's in each case. Names are PyTorch's where nash has the same: "0.weight".

Formulas are those of the papers that are named, gradients those of autograd. What nash draws at random is drawn here by
nash_random.py, so that both sides have the same noise; the maps of images are in augmentation_maps.py.
"""

import copy
import sys
import zlib
from pathlib import Path

import augmentation_maps as maps
import torch
import torch.nn.functional as F
from nash_random import RandomStream
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def save(name, tensors):
    tensors = {key: nash_layout(value.detach()) for key, value in tensors.items()}
    path = Path(__file__).with_name(name + ".safetensors")
    save_file(tensors, path, {"torch": torch.__version__})
    path.chmod(0o644)
    print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size / 1e3:.0f} kB")


def nash_layout(tensor):
    return (tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor).contiguous().clone()


def seed(name):
    torch.manual_seed(zlib.crc32(name.encode()))


# --- Layers that PyTorch does not have, or not with nash's layouts -------------------------------------------------------


class Flatten(nn.Module):
    """The values of an image in the order in which they lie in N×H×W×C; nash's Dense takes images as they are."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1) if x.dim() == 4 else x


class Dense(nn.Linear):
    def forward(self, x):
        return super().forward(Flatten()(x))


class Reshape(nn.Module):
    def __init__(self, height, width, channels):
        super().__init__()
        self.shape = height, width, channels

    def forward(self, x):
        return x.view(-1, *self.shape).permute(0, 3, 1, 2)


class Dropout(nn.Module):
    """Dropout with the mask of nash's stream of seed 0: value i, in the order of N×H×W×C, falls where uniform(i) < p."""

    def __init__(self, probability):
        super().__init__()
        self.probability = probability

    def forward(self, x):
        random = RandomStream(0)
        uniform = torch.tensor([random.uniform(i) for i in range(x.numel())])
        n, c, h, w = x.shape
        kept = (uniform >= self.probability).view(n, h, w, c).permute(0, 3, 1, 2)
        return x * kept / (1 - self.probability)


class Maxout(nn.Linear):
    def __init__(self, inputs, outputs, pieces):
        super().__init__(inputs, outputs * pieces)
        self.pieces = pieces

    def forward(self, x):
        return super().forward(x).unflatten(1, (-1, self.pieces)).max(dim=2).values


class MinibatchStdDev(nn.Module):
    def __init__(self, group=4, epsilon=1e-8):
        super().__init__()
        self.group, self.epsilon = group, epsilon

    def forward(self, x):
        members = min(self.group, len(x))
        groups = x.view(members, -1, *x.shape[1:])
        deviation = (groups.var(dim=0, unbiased=False) + self.epsilon).sqrt().flatten(1).mean(dim=1)
        statistic = deviation.repeat(members).view(-1, *[1] * (x.dim() - 1))
        return torch.cat([x, statistic.expand(-1, 1, *x.shape[2:])], dim=1)


class MinibatchDiscrimination(nn.Linear):
    def __init__(self, inputs, kernels, dimensions):
        super().__init__(inputs, kernels * dimensions, bias=False)
        self.dimensions = dimensions

    def forward(self, x):
        m = super().forward(x).unflatten(1, (-1, self.dimensions))
        distance = (m[:, None] - m[None]).abs().sum(dim=3)
        return torch.cat([x, (-distance).exp().sum(dim=1)], dim=1)


class VirtualBatchNorm(nn.Module):
    def __init__(self, channels, reference, own=True, eps=1e-5):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.reference, self.eps = reference, eps
        self.own = 1 / (reference + 1) if own else 0

    def forward(self, x):
        pixels = tuple(range(2, x.dim()))
        moment = lambda v: v.mean(dim=pixels, keepdim=True) if pixels else v
        reference, batch = x[: self.reference], x[self.reference :]

        def normalised(v, own):
            mix = lambda f: own * moment(f(v)) + (1 - own) * moment(f(reference)).mean(dim=0, keepdim=True)
            mean = mix(lambda t: t)
            return (v - mean) / (mix(torch.square) - mean**2 + self.eps).sqrt()

        y = torch.cat([normalised(reference, 0), normalised(batch, self.own)])
        return y * self.weight.view(-1, *[1] * len(pixels)) + self.bias.view(-1, *[1] * len(pixels))


class Residual(nn.Module):
    def __init__(self, body, skip=None):
        super().__init__()
        self.body = body
        self.skip = skip or nn.Identity()

    def forward(self, x):
        return self.body(x) + self.skip(x)


def labels_of(x):
    """The labels 0, 1, 2, 3, 0, … of a batch, which all that is conditional here is given."""
    return torch.arange(x.shape[0]) % 4


class ConditionalBatchNorm(nn.BatchNorm2d):
    def __init__(self, classes, channels):
        super().__init__(channels, affine=False)
        self.weight = nn.Parameter(torch.empty(classes, channels))
        self.bias = nn.Parameter(torch.empty(classes, channels))

    def forward(self, x):
        normalized = F.batch_norm(x, self.running_mean.clone(), self.running_var.clone(), training=self.training)
        scale, shift = self.weight[labels_of(x)], self.bias[labels_of(x)]
        return scale[:, :, None, None] * normalized + shift[:, :, None, None]


class ConditionalAffine(nn.Module):
    def __init__(self, classes, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, channels))
        self.bias = nn.Parameter(torch.empty(classes, channels))

    def forward(self, x):
        of_channels = lambda v: v[labels_of(x)].view(len(x), -1, *[1] * (x.dim() - 2))
        return of_channels(self.weight) * x + of_channels(self.bias)


class ConditionalConcat(nn.Embedding):
    def forward(self, x):
        code = super().forward(labels_of(x))
        return torch.cat([x, code if x.dim() == 2 else code[:, :, None, None].expand(-1, -1, *x.shape[2:])], dim=1)


class Embedding(nn.Embedding):
    def forward(self, x):
        return super().forward(labels_of(x))


class OneHotConcat(nn.Module):
    def forward(self, x):
        return torch.cat([x, F.one_hot(labels_of(x), 4).to(x.dtype)], dim=1)


class ProjectionHead(Dense):
    def __init__(self, features, classes):
        super().__init__(features, 1)
        self.embedding = nn.Parameter(torch.empty(classes, features))

    def forward(self, x):
        return super().forward(x) + (self.embedding[labels_of(x)] * Flatten()(x)).sum(dim=1, keepdim=True)


class SemiSupervisedHead(nn.Module):
    def forward(self, x):
        return torch.cat([torch.logsumexp(x, dim=1, keepdim=True), x], dim=1)


# --- State by nash's names -----------------------------------------------------------------------------------------------


def parameters_of(module):
    """The trained tensors by nash's names; a spectrally normalised layer's is the weight before normalisation."""
    return {name.replace("parametrizations.weight.original", "weight"): p for name, p in module.named_parameters()}


def buffers_of(module):
    """The other state. nash's u belongs to the rows of the weight as it is stored, v to its columns."""
    buffers = {}
    for prefix, layer in module.named_modules():
        dot = prefix + "." if prefix else ""
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            buffers[dot + "running_mean"], buffers[dot + "running_var"] = layer.running_mean, layer.running_var
        if hasattr(layer, "parametrizations"):
            u, v = layer.parametrizations.weight[0]._u, layer.parametrizations.weight[0]._v
            if isinstance(layer, nn.ConvTranspose2d):
                u, v = v, u  # PyTorch's matrix is out×(in·k·k), nash's is its transpose, (in·k·k)×out
            elif isinstance(layer, nn.Conv2d):
                _, i, r, s = layer.weight.shape
                v = v.view(i, r, s).permute(1, 2, 0).flatten()
            buffers[dot + "u"], buffers[dot + "v"] = u, v
    return {name: buffer.clone() for name, buffer in buffers.items()}


def state_of(module):
    """A copy of all of it, by nash's names."""
    return {name: p.detach().clone() for name, p in parameters_of(module).items()} | buffers_of(module)


def draw_state(module):
    """Gives every tensor of a module a value that is not special, such as the ones and zeros of BatchNorm."""
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randn_like(p) * (1 if p.dim() == 1 else (p.numel() / p.shape[0]) ** -0.5))
        for layer in module.modules():
            if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
                layer.weight.uniform_(0.5, 1.5)
                layer.running_mean.normal_()
                layer.running_var.uniform_(0.5, 1.5)
            if hasattr(layer, "parametrizations"):
                layer.train()
                for _ in range(3):  # u and v near the singular vectors, but not there: σ's gradient must not assume it
                    layer.weight
                layer.eval()
    return module


# --- The files -----------------------------------------------------------------------------------------------------------


def layers():
    """Of every layer: its state, x, y, dy and dx, and the gradients of its parameters."""
    tensors = {}

    def record(name, module, x, training=False):
        seed(name)
        draw_state(module).train(training)
        x = (torch.randn(x) if isinstance(x, tuple) else x).requires_grad_()
        parameters = parameters_of(module)
        values = {"x": x, **state_of(module)}
        y = module(x)
        dy = torch.randn_like(y)
        gradients = torch.autograd.grad(y, [x, *parameters.values()], dy)
        values |= {"y": y, "dy": dy, "dx": gradients[0]}
        values |= {"grad." + key: gradient for key, gradient in zip(parameters, gradients[1:])}
        tensors.update({f"{name}/{key}": value for key, value in values.items()})

    record("dense", Dense(7, 5), (4, 7))
    record("dense.no_bias", Dense(4, 3, bias=False), (5, 4))
    record("dense.images", Dense(2 * 3 * 4, 3), (3, 4, 2, 3))

    record("conv2d", nn.Conv2d(3, 5, 3, padding=1), (2, 3, 5, 7))
    record("conv2d.stride2", nn.Conv2d(2, 4, 4, stride=2, padding=1), (2, 2, 8, 6))
    record("conv2d.stride3", nn.Conv2d(3, 2, 5, stride=3, padding=2, bias=False), (2, 3, 11, 7))
    record("conv2d.rest", nn.Conv2d(1, 3, 3, stride=2), (3, 1, 6, 9))  # the last row of the image is never read
    record("conv2d.one_pixel", nn.Conv2d(4, 3, 1), (2, 4, 3, 5))
    record("conv2d.wide_padding", nn.Conv2d(2, 3, 3, stride=2, padding=3, bias=False), (2, 2, 4, 3))
    record("conv2d.wide", nn.Conv2d(16, 16, 3, padding=1, bias=False), (2, 16, 12, 12))

    record("conv_transpose2d.wide", nn.ConvTranspose2d(16, 16, 3, padding=1, bias=False), (2, 16, 12, 12))
    record("conv_transpose2d", nn.ConvTranspose2d(3, 2, 4, stride=2, padding=1), (2, 3, 4, 3))
    record("conv_transpose2d.latent", nn.ConvTranspose2d(6, 3, 3), (3, 6, 1, 1))
    record("conv_transpose2d.output_padding", nn.ConvTranspose2d(2, 3, 3, 2, padding=1, output_padding=1), (2, 2, 5, 4))
    record("conv_transpose2d.stride3", nn.ConvTranspose2d(3, 4, 5, 3, padding=1, output_padding=2, bias=False), (2, 3, 3, 4))
    record("conv_transpose2d.gaps", nn.ConvTranspose2d(2, 1, 2, stride=3), (2, 2, 3, 2))
    record("conv_transpose2d.wide_padding", nn.ConvTranspose2d(2, 2, 3, padding=2, bias=False), (2, 2, 5, 6))

    record("batch_norm", nn.BatchNorm2d(3), (3, 3, 4, 5), training=True)
    record("batch_norm.dense", nn.BatchNorm1d(5, eps=1e-3), (6, 5), training=True)
    record("batch_norm.infer", nn.BatchNorm2d(3), (2, 3, 4, 3))

    record("layer_norm", nn.GroupNorm(1, 3), (3, 3, 4, 5))
    record("layer_norm.dense", nn.LayerNorm(5, eps=1e-3), (6, 5))

    record("avg_pool2d", nn.AvgPool2d(2), (2, 3, 6, 4))
    record("avg_pool2d.overlapping", nn.AvgPool2d(3, 2), (2, 2, 8, 7))
    record("pixel_shuffle", nn.PixelShuffle(2), (2, 12, 3, 2))
    record("minibatch_std_dev", MinibatchStdDev(), (8, 3, 2, 3))
    record("minibatch_std_dev.dense", MinibatchStdDev(group=3, epsilon=1e-3), (6, 5))
    record("minibatch_discrimination", MinibatchDiscrimination(4, 3, dimensions=2), (5, 4))

    record("virtual_batch_norm", VirtualBatchNorm(3, 4), (6, 3, 2, 3))
    record("virtual_batch_norm.reference", VirtualBatchNorm(5, 3, own=False, eps=1e-3), (5, 5))

    record("maxout", Maxout(6, 4, pieces=5), (5, 6))
    record("maxout.two_pieces", Maxout(3, 3, pieces=2), (4, 3))

    # 0 is where the rectifiers have their kink; the large ones are where naive formulas overflow or cancel.
    special = torch.tensor([0.0, 1e-8, -1e-8, 12.0, -12.0, 25.0, -25.0, 40.0, -40.0, 1000.0, -1000.0])
    x = torch.cat([special, 2 * torch.randn(21, generator=torch.Generator().manual_seed(0))]).view(4, 2, 2, 2)
    record("relu", nn.ReLU(), x.clone())
    record("leaky_relu", nn.LeakyReLU(0.2), x.clone())
    record("tanh", nn.Tanh(), x.clone())
    record("sigmoid", nn.Sigmoid(), x.clone())
    # PyTorch takes softplus(x) = x from its threshold on; at 700 that is exact, at its default of 20 it is not.
    record("softplus", nn.Softplus(threshold=700), x.clone())
    record("dropout", Dropout(0.4), (3, 3, 3, 5))
    record("dropout.infer", nn.Dropout(0.4), x.clone())

    record("identity", nn.Identity(), (3, 2, 2, 3))
    record("flatten", Flatten(), (3, 4, 2, 3))
    record("reshape", Reshape(2, 3, 4), (3, 24))

    record("spectral_norm.dense", spectral_norm(Dense(6, 4)), (3, 6))
    record("spectral_norm.conv2d", spectral_norm(nn.Conv2d(3, 4, 3, stride=2, padding=1)), (2, 3, 5, 6))
    record("spectral_norm.conv_transpose2d", spectral_norm(nn.ConvTranspose2d(3, 2, 4, stride=2, padding=1)), (2, 3, 3, 4))

    body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(4, 3, 3, padding=1))
    record("residual", Residual(body), (2, 3, 5, 4))
    body = nn.Sequential(nn.ReLU(), nn.Conv2d(2, 5, 4, stride=2, padding=1), nn.Tanh())
    record("residual.skip", Residual(body, nn.Conv2d(2, 5, 2, stride=2)), (2, 2, 6, 4))

    record("residual.embedding", Residual(Dense(7, 5), Embedding(4, 5)), (6, 7))

    record("conditional_affine", ConditionalAffine(4, 3), (6, 3, 2, 3))
    record("conditional_affine.dense", ConditionalAffine(4, 5), (5, 5))
    record("conditional_batch_norm", ConditionalBatchNorm(4, 3), (7, 3, 2, 3), training=True)
    record("conditional_batch_norm.infer", ConditionalBatchNorm(4, 3), (5, 3, 2, 2))
    record("conditional_concat", ConditionalConcat(4, 3), (6, 2, 3, 2))
    record("conditional_concat.one_hot", OneHotConcat(), (5, 3))
    record("projection_head", ProjectionHead(12, 4), (6, 3, 2, 2))
    record("semi_supervised_head", SemiSupervisedHead(), torch.tensor([[1e3, -1e3, 0.5], [3.0, 3.0, 3.0], [-40.0, 1.0, 2.0]]))

    save("layers", tensors)


def states():
    """State that moves: running statistics after two training passes, and a power iteration."""
    tensors = {}

    for name, momentum in ("batch_norm", 0.1), ("batch_norm.momentum", 0.4):
        seed(name)
        layer = draw_state(nn.BatchNorm2d(3, momentum=momentum)).train()
        tensors |= {f"{name}/{key}": value for key, value in state_of(layer).items()}
        for i in 1, 2:
            x = torch.randn(3, 3, 2, 1 + i) * i + torch.randn(1, 3, 1, 1)
            layer(x)
            tensors[f"{name}/x{i}"] = x
            tensors |= {f"{name}/after{i}.{key}": value for key, value in buffers_of(layer).items()}

    for name, layer in {
        "spectral_norm.dense": Dense(6, 4, bias=False),
        "spectral_norm.conv2d": nn.Conv2d(3, 4, 3, bias=False),
        "spectral_norm.conv_transpose2d": nn.ConvTranspose2d(3, 2, 4, bias=False),
    }.items():
        seed(name)
        layer = draw_state(spectral_norm(layer))
        weight = parameters_of(layer)["weight"].detach()
        stored = nash_layout(weight)
        matrix = stored.flatten(0, -2) if isinstance(layer, nn.ConvTranspose2d) else stored.flatten(1)
        before = buffers_of(layer)
        v = F.normalize(matrix.T @ before["u"], dim=0)  # Miyato et al. 2018, algorithm 1: v first
        u = F.normalize(matrix @ v, dim=0)
        sigma = u @ matrix @ v
        largest = torch.linalg.matrix_norm(matrix, 2)
        values = {"weight": weight, **before, "after.u": u, "after.v": v, "after.sigma": sigma, "largest": largest}
        tensors |= {f"{name}/{key}": value for key, value in values.items()}

    save("states", tensors)


def second_order():
    """Gradients of P = ½‖∇ₓ⟨dy, f(x)⟩‖² with respect to x and the parameters, by differentiating a gradient."""
    tensors = {}

    def record(name, module, x, training=False):
        seed(name)
        draw_state(module).train(training)
        x = torch.randn(x).requires_grad_()
        parameters = parameters_of(module)
        values = {"x": x, **state_of(module)}
        y = module(x)
        dy = torch.randn_like(y)
        (dx,) = torch.autograd.grad(y, x, dy, create_graph=True)
        penalty = dx.square().sum() / 2
        gradients = torch.autograd.grad(penalty, [x, *parameters.values()], materialize_grads=True)
        values |= {"y": y, "dy": dy, "dx": dx, "penalty": penalty, "x_bar": gradients[0]}
        values |= {"grad." + key: gradient for key, gradient in zip(parameters, gradients[1:])}
        tensors.update({f"{name}/{key}": value for key, value in values.items()})

    def down(i, o, bias=True):
        return nn.Conv2d(i, o, 3, stride=2, padding=1, bias=bias)

    def keep(i, o, bias=True):
        return nn.Conv2d(i, o, 3, padding=1, bias=bias)

    images = (3, 2, 7, 6)
    record("critic", nn.Sequential(down(2, 4), nn.LeakyReLU(0.2), keep(4, 3), nn.Tanh(), Dense(36, 1)), images)
    batch_norm = nn.Sequential(  # no biases before BatchNorm: their gradients are rounding and nothing else
        down(2, 4, False), nn.BatchNorm2d(4), nn.LeakyReLU(0.2), keep(4, 3, False), nn.BatchNorm2d(3), nn.Tanh(), Dense(36, 1)
    )
    record("batch_norm", batch_norm, images, training=True)
    record("batch_norm.infer", batch_norm, images)
    record("dense", nn.Sequential(Dense(5, 6), nn.Sigmoid(), Maxout(6, 4, pieces=3), nn.Softplus(), Dense(4, 2)), (4, 5))
    record(
        "spectral_norm",
        nn.Sequential(
            spectral_norm(down(2, 3)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.ConvTranspose2d(3, 2, 3)),
            nn.Tanh(),
            spectral_norm(Dense(60, 1)),
        ),
        images,
    )
    body = nn.Sequential(nn.Tanh(), keep(3, 4), nn.ReLU(), keep(4, 4))
    record("residual", nn.Sequential(down(2, 3), Residual(body, nn.Conv2d(3, 4, 1)), nn.Sigmoid(), Dense(48, 1)), images)
    # As in latent optimisation, a gradient with respect to the latent.
    generator = nn.Sequential(
        Dense(5, 12, bias=False), Reshape(2, 2, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.ConvTranspose2d(3, 2, 4, 2, 1), nn.Tanh()
    )
    record("generator", generator, (4, 5), training=True)

    critic = nn.Sequential(ConditionalConcat(4, 2), down(4, 3), nn.Tanh(), ProjectionHead(36, 4))
    record("conditional", critic, (5, 2, 7, 6))
    conditional = nn.Sequential(down(2, 4, False), ConditionalBatchNorm(4, 4), nn.Tanh(), Dense(48, 3), SemiSupervisedHead())
    record("conditional_batch_norm", conditional, (6, 2, 7, 6), training=True)
    record("conditional_batch_norm.infer", conditional, (6, 2, 7, 6))
    record("conditional_affine", nn.Sequential(Dense(5, 6), ConditionalAffine(4, 6), nn.Tanh(), Dense(6, 1)), (6, 5))

    layer_norm = nn.Sequential(down(2, 4), nn.GroupNorm(1, 4), nn.LeakyReLU(0.2), keep(4, 3), nn.GroupNorm(1, 3), nn.Tanh(), Dense(36, 1))
    record("layer_norm", layer_norm, images)
    record("resized", nn.Sequential(keep(2, 4), nn.AvgPool2d(3, 2), nn.PixelShuffle(2), nn.Tanh(), Dense(24, 1)), images)
    minibatch = nn.Sequential(Dense(5, 6), nn.Tanh(), MinibatchStdDev(), MinibatchDiscrimination(7, 3, dimensions=2), Dense(10, 1))
    record("minibatch", minibatch, (8, 5))
    record("virtual_batch_norm", nn.Sequential(down(2, 4, False), VirtualBatchNorm(4, 3), nn.Tanh(), Dense(48, 1)), (5, 2, 7, 6))

    save("second_order", tensors)


def losses():
    """Values and gradients on logits, in both players' favour and far out; means over the batch."""
    tensors = {}

    def softplus(x):
        return torch.logaddexp(x, torch.zeros(()))  # F.softplus cuts off at 20

    def record(name, real, fake):
        real, fake = (torch.tensor(x).view(-1, 1).requires_grad_() for x in (real, fake))
        bce = F.binary_cross_entropy_with_logits
        real_loss, fake_loss = softplus(-real).mean(), softplus(fake).mean()
        d_loss = real_loss + fake_loss
        # What most training scripts call; its formula cancels a little for fakes.
        usual = bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
        assert torch.allclose(d_loss, usual, rtol=1e-13, atol=1e-14)
        # G's loss: minimax (saturating) log(1 − D), to be minimised; non-saturating −log D.
        minimax, non_saturating = -softplus(fake).mean(), softplus(-fake).mean()
        (d_real, d_fake) = torch.autograd.grad(d_loss, (real, fake))
        values = {"real": real, "real_loss": real_loss, "d_real": d_real, "fake": fake, "fake_loss": fake_loss, "d_fake": d_fake}
        values |= {"real_probability": torch.sigmoid(real).mean(), "fake_probability": torch.sigmoid(fake).mean()}
        for key, loss in ("minimax", minimax), ("non_saturating", non_saturating):
            values[key + ".generator"] = loss
            (values[key + ".d_fake"],) = torch.autograd.grad(loss, fake)
        mse = F.mse_loss
        apart, means = (real - fake.mean(), fake - real.mean()), (torch.ones_like(real), torch.ones_like(fake))
        for key, on_real, on_fake, generator in (
            ("least_squares", mse(real, means[0]) / 2, mse(fake, 0 * fake.detach()) / 2, mse(fake, means[1]) / 2),
            ("least_squares.labels", mse(real, means[0]) / 2, mse(fake, -means[1]) / 2, mse(fake, 0 * fake.detach()) / 2),
            ("wasserstein", -real.mean(), fake.mean(), -fake.mean()),
            ("hinge", F.relu(1 - real).mean(), F.relu(1 + fake).mean(), -fake.mean()),
            (
                "relativistic_average",
                softplus(-apart[0]).mean(),
                softplus(apart[1]).mean(),
                softplus(apart[0]).mean() + softplus(-apart[1]).mean(),
            ),
            (
                "relativistic_average.hinge",
                F.relu(1 - apart[0]).mean(),
                F.relu(1 + apart[1]).mean(),
                F.relu(1 + apart[0]).mean() + F.relu(1 - apart[1]).mean(),
            ),
        ):
            values |= {key + ".real": on_real, key + ".fake": on_fake, key + ".generator": generator}
            d_real, d_fake = torch.autograd.grad(on_real + on_fake, (real, fake), retain_graph=True)
            (g_fake,) = torch.autograd.grad(generator, fake, retain_graph=True)
            values |= {key + ".d_real": d_real, key + ".d_fake": d_fake, key + ".g_fake": g_fake}
        tensors.update({f"{name}/{key}": value for key, value in values.items()})

    seed("losses")
    record("usual", (2 * torch.randn(7)).tolist(), (2 * torch.randn(7)).tolist())
    record("discriminator_wins", [1000.0, 30.0, 5.0, 800.0], [-1000.0, -30.0, -5.0, -800.0])
    record("discriminator_loses", [-1000.0, -30.0, -5.0, -800.0], [1000.0, 30.0, 5.0, 800.0])
    far = [1000.0, -1000.0, 0.0, 36.7, -36.7, 21.0, -21.0, 709.0, -746.0]
    record("far", far, [-x for x in far])
    save("losses", tensors)


def optimizers():
    """The parameters after each of ten steps along given gradients."""
    tensors = {}
    seed("optimizers")
    start = torch.randn(9)
    gradients = torch.randn(10, 9)
    gradients[:, 1] = 0  # never moved
    gradients[1:, 2] = 0  # moved once: only momentum goes on
    gradients[:, 3] *= 1e-9  # where Adam's epsilon decides
    gradients[:, 4] *= 1e6
    gradients[:, 5] = gradients[:, 5].abs()
    tensors |= {"start": start, "gradients": gradients}

    for name, make in {
        "adam": lambda p: torch.optim.Adam(p, lr=2e-4, betas=(0.5, 0.999), eps=1e-8),
        "adam.other": lambda p: torch.optim.Adam(p, lr=1e-2, betas=(0.9, 0.99), eps=1e-6),
        "rmsprop": lambda p: torch.optim.RMSprop(p, lr=5e-5, alpha=0.99, eps=1e-8),
        "rmsprop.other": lambda p: torch.optim.RMSprop(p, lr=1e-2, alpha=0.9, eps=1e-6),
        "sgd": lambda p: torch.optim.SGD(p, lr=0.05),
        "sgd.momentum": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    }.items():
        parameter = nn.Parameter(start.clone())
        optimizer = make([parameter])
        path = []
        for gradient in gradients:
            parameter.grad = gradient.clone()
            optimizer.step()
            path.append(parameter.detach().clone())
        tensors[name] = torch.stack(path)

    # The moving average of the parameters along the last path, which begins at the first of them.
    average = torch.optim.swa_utils.AveragedModel(nn.ParameterList([start]), multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    averages = []
    for parameter in [start, *tensors["sgd.momentum"]]:
        average.update_parameters(nn.ParameterList([parameter]))
        averages.append(next(average.parameters()).detach().clone())
    tensors["average"] = torch.stack(averages[1:])

    # Factors on a rate at the steps 0, 1, …; CosineAnnealingLR rises again after its end.
    schedulers = torch.optim.lr_scheduler
    for name, steps, make in (
        ("linear", 12, lambda o: schedulers.LinearLR(o, start_factor=1, end_factor=0.2, total_iters=8)),
        ("cosine", 9, lambda o: schedulers.CosineAnnealingLR(o, T_max=8, eta_min=0.1)),
        ("exponential", 12, lambda o: schedulers.ExponentialLR(o, gamma=0.9)),
        ("staircase", 12, lambda o: schedulers.StepLR(o, step_size=3, gamma=0.5)),
    ):
        optimizer = torch.optim.SGD([nn.Parameter(start.clone())], lr=1)
        scheduler, factors = make(optimizer), []
        for _ in range(steps):
            factors.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        tensors["schedule." + name] = torch.tensor(factors)
    save("optimizers", tensors)


def trajectory():
    """Twenty steps of a small DCGAN with the non-saturating loss: networks, latents, images, losses, and where it ends."""
    steps, batch, latents = 20, 8, 8
    seed("trajectory")
    generator = nn.Sequential(
        Dense(latents, 3 * 3 * 8, bias=False),  # a bias before BatchNorm has no gradient but rounding, which Adam magnifies
        Reshape(3, 3, 8),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 6, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.ConvTranspose2d(6, 1, 4, stride=2, padding=1),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(1, 6, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(6, 8, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.LeakyReLU(0.2),
        Dense(3 * 3 * 8, 1),
    )
    players = {"generator": generator.train(), "discriminator": discriminator.train()}

    def states_at(when):
        return {
            f"{when}/{player}.{name}": value for player, net in players.items() for name, value in state_of(net).items()
        }

    class KeepBuffers:
        """What runs within leaves a network's running statistics as they were."""

        def __init__(self, net):
            self.net = net

        def __enter__(self):
            self.kept = copy.deepcopy(list(self.net.buffers()))

        def __exit__(self, *_):
            with torch.no_grad():
                for buffer, kept in zip(self.net.buffers(), self.kept):
                    buffer.copy_(kept)

    tensors = states_at("start")
    g_adam = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999), eps=1e-8)
    d_adam = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999), eps=1e-8)
    reports = {"d_loss": [], "d_real": [], "d_fake": [], "d_gradient_norm": [], "g_loss": [], "g_gradient_norm": []}

    def gradient_norm(net):
        return torch.cat([p.grad.flatten() for p in net.parameters()]).norm()

    for step in range(steps):
        # The images: a bright square on dark, at a random place, with some noise.
        images = -1 + 0.1 * torch.rand(batch, 1, 12, 12)
        for image, (top, left) in zip(images, torch.randint(0, 7, (batch, 2)).tolist()):
            image[0, top : top + 6, left : left + 6] += 1.5
        d_latents, g_latents = torch.randn(batch, latents), torch.randn(batch, latents)
        tensors |= {f"{step}/images": images, f"{step}/discriminator": d_latents, f"{step}/generator": g_latents}

        with KeepBuffers(generator), torch.no_grad():
            fakes = generator(d_latents)
        d_real, d_fake = discriminator(images), discriminator(fakes)
        d_loss = F.softplus(-d_real).mean() + F.softplus(d_fake).mean()
        d_adam.zero_grad()
        d_loss.backward()
        d_adam.step()
        reports["d_gradient_norm"].append(gradient_norm(discriminator))

        with KeepBuffers(discriminator):
            g_loss = F.softplus(-discriminator(generator(g_latents))).mean()
            g_adam.zero_grad()
            g_loss.backward()
        g_adam.step()
        reports["g_gradient_norm"].append(gradient_norm(generator))

        reports["d_real"].append(d_real.detach().sigmoid().mean())
        reports["d_fake"].append(d_fake.detach().sigmoid().mean())
        reports["d_loss"].append(d_loss.detach())
        reports["g_loss"].append(g_loss.detach())
    tensors |= states_at("end")
    tensors |= {"report/" + key: torch.stack(values) for key, values in reports.items()}
    save("trajectory", tensors)


def methods():
    """Terms that methods add, by the formulas of their papers, with the gradients that PyTorch's autograd makes of them."""
    tensors = {}
    penalties(tensors)
    lecam(tensors)
    orthogonal_regularisation(tensors)
    generator, discriminator = players(tensors)
    logan(tensors, generator, discriminator)
    top_k(tensors, generator, discriminator)
    historical_averaging(tensors, generator, discriminator)
    smoothed_and_noisy(tensors, generator, discriminator)
    feature_matching(tensors, generator, discriminator)
    class_terms(tensors)
    semi_supervised(tensors)
    save("methods", tensors)


def penalties(tensors):
    """Penalties on the gradient of D's adversarial logit, which is the first of its outputs, by each of its inputs."""
    seed("penalties")
    critic = draw_state(nn.Sequential(nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.Softplus(), Dense(4 * 4 * 3, 6), nn.Tanh(), Dense(6, 3)))
    with torch.no_grad():
        critic[-1].weight *= 8  # for norms about 1
    real, fake = 2 + torch.randn(4, 2, 7, 6), torch.randn(4, 2, 7, 6)
    tensors |= {"penalties/" + key: value for key, value in {"real": real, "fake": fake, **state_of(critic)}.items()}

    def squares(x):
        """‖∇D(x)‖² of each sample."""
        x = x.detach().requires_grad_()
        (g,) = torch.autograd.grad(critic(x)[:, 0].sum(), x, create_graph=True)
        return g.square().flatten(1).sum(dim=1)

    def norms(x):
        return (squares(x) + 1e-12).sqrt()  # the root's derivative is infinite at 0, where nash has this too

    # One ε or α for each sample and one u for each value, in the order of N×H×W×C.
    random = RandomStream(7)
    of_samples = torch.tensor([random.child(1).uniform(n) for n in range(4)]).view(4, 1, 1, 1)
    of_values = torch.tensor([random.child(2).uniform(i) for i in range(real.numel())]).view(4, 7, 6, 2).permute(0, 3, 1, 2)
    between = of_samples * real + (1 - of_samples) * fake
    around = real + of_samples * (0.5 * real.std(unbiased=False) * of_values)

    for name, value in {
        "r1": 6 / 2 * squares(real).mean(),
        "r2": 6 / 2 * squares(fake).mean(),
        "r1.lazy": 3 * 6 / 2 * squares(real).mean(),  # in every third update
        "gradient_penalty": 10 * (norms(between) - 1).square().mean(),
        "gradient_penalty.one_sided": 10 * F.relu(norms(between) - 1).square().mean(),
        "dragan": 10 * (norms(around) - 1).square().mean(),
    }.items():
        record_term(tensors, name, value, critic)
    assert 0 < (norms(between) > 1).sum() < 4  # the one-sided penalty is of some samples


def record_term(tensors, name, value, network, player=""):
    """The value of a term or a loss, and its gradient by the parameters of a network."""
    parameters = parameters_of(network)
    gradients = torch.autograd.grad(value, list(parameters.values()), materialize_grads=True, retain_graph=True)
    tensors[f"{name}/{player}value"] = value
    tensors.update({f"{name}/{player}grad.{key}": gradient for key, gradient in zip(parameters, gradients)})
    return gradients


def lecam(tensors):
    """Five updates of LeCam, from the third on with the term; logits drift, as those of a discriminator that learns do.

    The fakes' average is one update behind in the real samples' term, since nash's fakes are made after it."""
    seed("lecam")
    weight, decay = 0.3, 0.7
    average = {}
    for step in range(1, 6):
        real = (torch.randn(6, 1) + 0.5 * step).requires_grad_()
        fake = (torch.randn(6, 1) - 0.3 * step).requires_grad_()

        def moved(side, logits):
            mean = logits.detach().mean()
            return decay * average[side] + (1 - decay) * mean if side in average else mean

        real_average = moved("real", real)
        if step >= 3:
            on_real = weight * F.relu(real - average["fake"]).square().mean()
            on_fake = weight * F.relu(real_average - fake).square().mean()
        else:
            on_real, on_fake = 0 * real.sum(), 0 * fake.sum()
        (d_real,), (d_fake,) = torch.autograd.grad(on_real, real), torch.autograd.grad(on_fake, fake)
        average = {"real": real_average, "fake": moved("fake", fake)}
        values = {"real": real, "fake": fake, "on_real": on_real, "on_fake": on_fake, "d_real": d_real, "d_fake": d_fake}
        values |= {"real_average": average["real"], "fake_average": average["fake"]}
        tensors.update({f"lecam/{step}.{key}": value for key, value in values.items()})


def orthogonal_regularisation(tensors):
    """Brock et al. 2019, equation 3. A filter is all that one output is made of."""
    name = "orthogonal_regularisation"
    seed(name)
    network = draw_state(
        nn.Sequential(Dense(3, 8), Reshape(2, 2, 2), nn.Conv2d(2, 5, 3, padding=1), nn.BatchNorm2d(5), nn.ConvTranspose2d(5, 3, 4, 2, 1))
    )
    value = 0
    for layer in network:
        if hasattr(layer, "weight") and layer.weight.dim() > 1:
            filters = layer.weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else layer.weight
            gram = filters.flatten(1) @ filters.flatten(1).T
            value = value + 0.25 * (gram * (1 - torch.eye(len(gram)))).square().sum()
    tensors.update({f"{name}/{key}": state for key, state in state_of(network).items()})
    record_term(tensors, name, value, network)


def players(tensors):
    """A small pair for what concerns both players, with BatchNorm in each; a real batch, and latents for four updates of either."""
    seed("players")
    generator = nn.Sequential(
        Dense(4, 12, bias=False), Reshape(2, 2, 3), nn.BatchNorm2d(3), nn.Softplus(), nn.ConvTranspose2d(3, 2, 4, 2, 1), nn.Tanh()
    )
    discriminator = nn.Sequential(
        nn.Conv2d(2, 5, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(5), nn.LeakyReLU(0.2), Dense(20, 4), nn.Tanh(), Dense(4, 1)
    )
    for player, net in ("generator", generator), ("discriminator", discriminator):
        draw_state(net).train()
        if player == "discriminator":
            with torch.no_grad():
                net[-1].weight *= 4  # so that latents have gradients of about 1
        tensors |= {f"players/{player}.{name}": value for name, value in state_of(net).items()}
        tensors |= {f"players/{player}.z{step}": torch.randn(8, 4) for step in (1, 2, 3, 4)}
    tensors["players/real"] = torch.randn(8, 2, 4, 4)
    return generator, discriminator


def discriminator_loss(discriminator, real, fake):
    return F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake)).mean()


def generator_losses(discriminator, fake):
    """Of each sample, non-saturating."""
    return F.softplus(-discriminator(fake)).flatten()


def logan(tensors, generator, discriminator):
    """Wu et al. 2019, algorithm 1 and section 3: both players' gradients at the moved latents, through the move."""
    for name, rate, damping, regularisation, bound in (
        ("logan.plain", 0.7, None, 0, None),
        ("logan.natural", 0.9, 0.3, 0, None),
        ("logan.regularised", 0.9, 0.1, 0.2, None),
        ("logan.bounded", 2, None, 0.1, 0.8),
    ):
        for player, net in ("discriminator", discriminator), ("generator", generator):
            z = tensors[f"players/{player}.z1"]
            if bound is not None:
                z = (bound * z / 2).clamp(-bound, bound)
            z.requires_grad_()
            (g,) = torch.autograd.grad(discriminator(generator(z)).sum(), z, create_graph=True)
            move = rate * g if damping is None else rate * g / (damping + g.square().sum(dim=1, keepdim=True))
            moved = z + move
            if bound is not None:
                assert 0 < (moved.abs() > bound).sum() < moved.numel()
                moved = moved.clamp(-bound, bound)
            fake = generator(moved)
            if player == "discriminator":
                loss = discriminator_loss(discriminator, tensors["players/real"], fake)
            else:
                loss = generator_losses(discriminator, fake).mean()
            added = regularisation * move.square().sum(dim=1).mean()
            record_term(tensors, name, loss + added, net, player + ".")
            tensors |= {f"{name}/{player}.loss": loss, f"{name}/{player}.z": z.detach()}


def descend(net, gradients, rate):
    with torch.no_grad():
        for p, gradient in zip(net.parameters(), gradients):
            p -= rate * gradient


def top_k(tensors, generator, discriminator):
    """Sinha et al. 2020, algorithm 1: four updates of the generator on the k fakes with the largest logits, k = 8, 6, 5, 5."""
    generator = copy.deepcopy(generator)
    for step in (1, 2, 3, 4):
        k = {1: 8, 2: 6}.get(step, 5)
        fake = generator(tensors[f"players/generator.z{step}"].detach())
        best = discriminator(fake).flatten().topk(k).indices
        loss = generator_losses(discriminator, fake)[best].mean()
        descend(generator, record_term(tensors, f"top_k.{step}", loss, generator), 0.5)


def historical_averaging(tensors, generator, discriminator):
    """Salimans et al. 2016, section 3.3: four steps of both players, held near the mean of what they were after each update."""
    weight, rate = 0.4, 0.5
    players = {"discriminator": copy.deepcopy(discriminator), "generator": copy.deepcopy(generator)}
    past = {player: [] for player in players}
    for step in (1, 2, 3, 4):
        for player, net in players.items():
            fake = players["generator"](tensors[f"players/{player}.z{step}"].detach())
            if player == "discriminator":
                loss = discriminator_loss(net, tensors["players/real"], fake.detach())
            else:
                loss = generator_losses(players["discriminator"], fake).mean()
            added = torch.zeros(())
            if past[player]:
                means = [torch.stack(values).mean(dim=0) for values in zip(*past[player])]
                added = weight * sum((p - mean).square().sum() for p, mean in zip(net.parameters(), means))
            name = f"historical_averaging.{step}"
            descend(net, record_term(tensors, name, loss + added, net, player + "."), rate)
            past[player].append([p.detach().clone() for p in net.parameters()])
            tensors[f"{name}/{player}.added"] = added


def smoothed_and_noisy(tensors, generator, discriminator):
    """One-sided label smoothing (Salimans et al. 2016, section 3.4), and instance noise (Sønderby et al. 2017) in step 3 of 8."""
    real = tensors["players/real"]
    l_real, l_fake = discriminator(real), discriminator(generator(tensors["players/discriminator.z1"].detach()))
    loss = (0.8 * F.softplus(-l_real) + 0.2 * F.softplus(l_real)).mean() + F.softplus(l_fake).mean()
    record_term(tensors, "label_smoothing", loss, discriminator)
    noise = torch.tensor([RandomStream(7).child(0).normal(i) for i in range(real.numel())])
    tensors["instance_noise/y"] = real + 0.4 * (1 - 2 / 8) * noise.view(8, 4, 4, 2).permute(0, 3, 1, 2)


def feature_matching(tensors, generator, discriminator):
    """Salimans et al. 2016, section 3.1, of the outputs of some layers."""
    fake = generator(tensors["players/generator.z1"]).detach().requires_grad_()
    value = 0
    for layers in (1, 3, 5):
        of = lambda x: discriminator[:layers](x).mean(dim=0)
        value = value + 0.6 * (of(tensors["players/real"]) - of(fake)).square().sum()
    tensors |= {"feature_matching/fake": fake, "feature_matching/value": value, "feature_matching/d_fake": torch.autograd.grad(value, fake)[0]}


def class_terms(tensors):
    """Terms of D's further outputs: AC-GAN's (Odena et al. 2017, equation 3), three classes, and InfoGAN's (Chen et al. 2016, equation 5), a
    category of three and two continuous codes, which are the latents' last columns."""
    seed("class_terms")
    logits = (2 * torch.randn(6, 1 + 3 + 3 + 2)).requires_grad_()
    category, continuous = torch.randint(0, 3, (6,)), 2 * torch.rand(6, 2) - 1
    labels = torch.arange(6) % 3
    distance = logits[:, 7:] - continuous
    infogan = 0.7 * F.cross_entropy(logits[:, 4:7], category) + 0.3 * (distance.square().sum(dim=1) / 2).mean()
    for name, value in ("auxiliary_classifier", 0.7 * F.cross_entropy(logits[:, 1:4], labels)), ("infogan", infogan):
        tensors |= {name + "/value": value, name + "/d_logits": torch.autograd.grad(value, logits)[0]}
    latents = torch.cat([torch.randn(6, 2), F.one_hot(category, 3), continuous], dim=1)
    tensors |= {"class_terms/logits": logits, "class_terms/latents": latents}


def semi_supervised(tensors):
    """Salimans et al. 2016, section 5: the cross-entropy of a batch of five that is drawn from four labelled images of bytes."""
    seed("semi_supervised")
    critic = nn.Sequential(Dense(2 * 2 * 3, 4), nn.Tanh(), Dense(4, 4))
    draw_state(critic)
    pixels = torch.randint(0, 256, (4, 3, 2, 2))
    labels = torch.tensor([2, 0, 1, 2])
    drawn = torch.tensor([int(RandomStream(7).child(1).uniform(n) * 4) for n in range(5)])
    value = 0.7 * F.cross_entropy(critic(pixels[drawn] / 127.5 - 1)[:, 1:], labels[drawn])
    states = {"pixels": pixels.to(torch.float64), "labels": labels.to(torch.float64), **state_of(critic)}
    tensors |= {"semi_supervised/" + name: state for name, state in states.items()}
    record_term(tensors, "semi_supervised", value, critic)


def augmentations():
    """Maps of images and their adjoints, with each of the numbers that nash draws for seed 4: x, y, dy and dx, of colours and grey ones."""
    tensors = {}
    families = {f.__name__: f for f in (maps.pixel_blit, maps.geometric_warp, maps.colour_change, maps.band_filter, maps.corruption)}

    def chain(x, random, probability):
        """One family after the other, each with a stream of its own."""
        for i, family in enumerate(families.values()):
            x = family(x, maps.Draws(random.child(i), probability))
        return x

    for kind, shape in ("rgb", (4, 3, 6, 7)), ("grey", (4, 1, 5, 6)), ("two_channels", (2, 2, 4, 3)):
        seed("augmentations." + kind)
        x, dy = torch.randn(shape).requires_grad_(), torch.randn(shape)
        tensors |= {f"{kind}/x": x, f"{kind}/dy": dy}
        all_maps = {"diff_augment": lambda x: maps.diff_augment(x, RandomStream(4).child(0))}
        for name, family in families.items():
            all_maps[name] = lambda x, family=family: family(x, maps.Draws(RandomStream(4).child(0), 1))
        all_maps["chain"] = lambda x: chain(x, RandomStream(4), 0.6)
        for name, function in all_maps.items():
            if kind == "two_channels" and name in ("colour_change", "chain"):
                continue  # the paper has colours and grey pictures
            y = function(x)
            tensors |= {f"{kind}/{name}.y": y, f"{kind}/{name}.dx": torch.autograd.grad(y, x, dy)[0]}
    save("augmentations", tensors)


def samplers():
    """What samples are chosen and refined by after training."""
    tensors = {}

    # Azadi et al. 2019, equation 8 and section 3.2, of calibrated logits; two batches, of which the second has a new maximum.
    seed("rejection")
    epsilon, maximum = 1e-8, -torch.inf
    for batch in (1, 2):
        logits = 2 * torch.randn(11) + batch
        calibrated = 0.7 * logits - 0.4
        maximum = torch.maximum(torch.as_tensor(maximum), calibrated.max())
        f = calibrated - maximum - torch.log(-torch.expm1(calibrated - maximum - epsilon))
        values = {"logits": logits, "plain": torch.sigmoid(f), "percentile": torch.sigmoid(f - torch.quantile(f, 0.8))}
        tensors.update({f"rejection.{batch}/{key}": value for key, value in values.items()})

    # Platt 1999: logistic regression with softened labels, either side a half of the loss; by PyTorch's own minimiser.
    real, fake = 3 * torch.randn(13) + 2, 3 * torch.randn(8) - 3
    line = torch.tensor([0.1, 0.0], requires_grad=True)
    minimiser = torch.optim.LBFGS([line], max_iter=1000, tolerance_grad=1e-14, tolerance_change=0, line_search_fn="strong_wolfe")

    def loss():
        minimiser.zero_grad()
        bce = lambda side, target: F.binary_cross_entropy_with_logits(line[0] * side + line[1], torch.full_like(side, target))
        total = (bce(real, (len(real) + 1) / (len(real) + 2)) + bce(fake, 1 / (len(fake) + 2))) / 2
        total.backward()
        return total

    minimiser.step(loss)
    tensors |= {"calibration/real": real, "calibration/fake": fake, "calibration/line": line}

    # Che et al. 2020, algorithm 1 (E = ½‖z‖² − D(G(z))), and Ansari et al. 2021, algorithm 1, with nash's noise of seed 7: three steps.
    generator, discriminator = players(tensors)
    generator.eval(), discriminator.eval()
    for name, prior in ("ddls", 1), ("dg_flow", 0):
        z = tensors["players/generator.z1"]
        for step in range(3):
            z = z.detach().requires_grad_()
            energy = prior * z.square().sum() / 2 - discriminator(generator(z)).sum()
            noise = torch.tensor([RandomStream(7).child(step).normal(i) for i in range(z.numel())]).view_as(z)
            z = z - 0.1 * torch.autograd.grad(energy, z)[0] + 0.8 * (2 * 0.1) ** 0.5 * noise
        tensors[name + "/z"] = z

    # White 2016, section 2.1
    a, b = torch.randn(3, 5), torch.randn(3, 5)
    angle = torch.arccos(F.cosine_similarity(a, b)).view(3, 1, 1)
    t = torch.linspace(0, 1, 4).view(1, 4, 1)
    linear = torch.lerp(a[:, None], b[:, None], t)
    spherical = (torch.sin((1 - t) * angle) * a[:, None] + torch.sin(t * angle) * b[:, None]) / torch.sin(angle)
    tensors |= {"interpolation/a": a, "interpolation/b": b, "linear": linear.flatten(0, 1), "spherical": spherical.flatten(0, 1)}
    save("samplers", tensors)


FILES = {f.__name__: f for f in (layers, states, second_order, losses, optimizers, trajectory, methods, augmentations, samplers)}

if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - set(FILES)
    if unknown:
        sys.exit(f"no such file: {', '.join(sorted(unknown))}. There are {', '.join(FILES)}.")
    for name in sys.argv[1:] or FILES:
        FILES[name]()
