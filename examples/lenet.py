"""Train a small LeNet on handwritten digits of 8x8 pixels, with NumPy and convpool alone.

    pip install 'convpool[examples]' && python examples/lenet.py

takes a few seconds on one core, prints the accuracy on digits that it has not seen, and draws
what it learned: the first layer's kernels, and what each of them makes of a digit.

    image 1x8x8 -> conv 3x3, ReLU 8x8x8 -> max pool 8x4x4
                -> conv 3x3, ReLU 32x4x4 -> max pool 32x2x2 -> linear 64, ReLU -> linear 10

LeCun, Bottou, Bengio & Haffner, Gradient-Based Learning Applied to Document Recognition, 1998.
"""

import argparse
import time
from pathlib import Path

import matplotlib
import numpy as np

import convpool
from convpool import grad

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from sklearn.datasets import load_digits

HELD_OUT = 360  # digits, a fifth of all


def digits(rng):
    """Images in [0, 1] and labels, shuffled: (training, held-out) of each."""
    images, labels = load_digits(return_X_y=True)
    order = rng.permutation(len(images))
    images = (images[order] / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    labels = labels[order]
    return (images[HELD_OUT:], labels[HELD_OUT:]), (images[:HELD_OUT], labels[:HELD_OUT])


def new_parameters(rng):
    """Weights after He et al. (2015), biases of 0."""
    shapes = {"1": (8, 1, 3, 3), "2": (32, 8, 3, 3), "3": (64, 128), "4": (10, 64)}
    parameters = {}
    for layer, shape in shapes.items():
        deviation = np.sqrt(2 / np.prod(shape[1:]))
        parameters["weight" + layer] = (rng.standard_normal(shape) * deviation).astype(np.float32)
        parameters["bias" + layer] = np.zeros(shape[0], np.float32)
    return parameters


def forward(p, images):
    """Scores of the ten digits, and what `backward` needs of the way there."""
    maps1 = convpool.conv2d(images, p["weight1"], p["bias1"], padding=1, activation="relu")
    pooled1, where1 = convpool.max_pool2d(maps1, 2, return_indices=True)
    maps2 = convpool.conv2d(pooled1, p["weight2"], p["bias2"], padding=1, activation="relu")
    pooled2, where2 = convpool.max_pool2d(maps2, 2, return_indices=True)
    features = pooled2.reshape(len(images), -1)
    hidden = convpool.linear(features, p["weight3"], p["bias3"], activation="relu")
    scores = convpool.linear(hidden, p["weight4"], p["bias4"])
    return scores, (images, maps1, pooled1, where1, maps2, pooled2, where2, features, hidden)


def backward(p, kept, d_scores):
    """Gradients of all parameters from that of the scores: the chain rule, layer by layer."""
    images, maps1, pooled1, where1, maps2, pooled2, where2, features, hidden = kept
    d = {"weight4": convpool.linear(d_scores.T, hidden.T), "bias4": d_scores.sum(0)}
    d_hidden = convpool.linear(d_scores, p["weight4"].T) * (hidden > 0)
    d["weight3"], d["bias3"] = convpool.linear(d_hidden.T, features.T), d_hidden.sum(0)
    d_pooled2 = convpool.linear(d_hidden, p["weight3"].T).reshape(pooled2.shape)
    d_maps2 = grad.max_pool2d_input(maps2.shape, where2, d_pooled2) * (maps2 > 0)
    d["weight2"] = grad.conv2d_weight(pooled1, p["weight2"].shape, d_maps2, padding=1)
    d["bias2"] = d_maps2.sum((0, 2, 3))
    d_pooled1 = grad.conv2d_input(pooled1.shape, p["weight2"], d_maps2, padding=1)
    d_maps1 = grad.max_pool2d_input(maps1.shape, where1, d_pooled1) * (maps1 > 0)
    d["weight1"] = grad.conv2d_weight(images, p["weight1"].shape, d_maps1, padding=1)
    d["bias1"] = d_maps1.sum((0, 2, 3))
    return d


def cross_entropy(scores, labels):
    """Return the mean of -log softmax(scores)[label], and its gradient."""
    scores = scores - scores.max(1, keepdims=True)
    log_p = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    rows = np.arange(len(labels))
    gradient = np.exp(log_p)
    gradient[rows, labels] -= 1
    return -log_p[rows, labels].mean(), gradient / len(labels)


def shifts(images):
    """Return each image moved by up to a pixel: nine ways, with the unmoved one in the middle."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return np.stack([padded[:, :, i : i + 8, j : j + 8] for i in range(3) for j in range(3)])


def accuracy(p, images, labels):
    """Return the share of digits whose score, summed over all shifts, is the highest."""
    scores = sum(forward(p, moved)[0] for moved in shifts(images))
    return float((scores.argmax(1) == labels).mean())


def shifted(images, rng):
    """Move each image at random, so that the same digit is hardly ever seen twice."""
    return shifts(images)[rng.integers(0, 9, len(images)), np.arange(len(images))]


def train(p, images, labels, rng, epochs, batch=32, rate=0.05, momentum=0.9):
    """Stochastic gradient descent, with a rate that falls to 0 along a cosine."""
    velocity = {name: np.zeros_like(value) for name, value in p.items()}
    steps = len(images) // batch
    for epoch in range(epochs):
        order, loss = rng.permutation(len(images)), 0.0
        for step in range(steps):
            chosen = order[step * batch : (step + 1) * batch]
            done = (epoch * steps + step) / (epochs * steps)
            scores, kept = forward(p, shifted(images[chosen], rng))
            part, d_scores = cross_entropy(scores, labels[chosen])
            loss += part / steps
            for name, gradient in backward(p, kept, d_scores).items():
                velocity[name] = momentum * velocity[name] - gradient
                p[name] += rate * (1 + np.cos(np.pi * done)) / 2 * velocity[name]
        print(f"epoch {epoch + 1:2}: loss {loss:.4f}")


def draw(p, image, path):
    """Picture the first layer's kernels, above what each makes of a digit."""
    maps = convpool.conv2d(image[None], p["weight1"], p["bias1"], padding=1, activation="relu")[0]
    limit = abs(p["weight1"]).max()
    figure, axes = plt.subplots(2, 9, figsize=(9, 2.4), layout="constrained")
    axes[0, 0].text(0.5, 0.5, "kernels", ha="center", va="center")
    axes[1, 0].imshow(image[0], cmap="gray")
    axes[1, 0].set_title("digit", fontsize=9)
    for kernel, feature_map, column in zip(p["weight1"][:, 0], maps, axes.T[1:], strict=True):
        column[0].imshow(kernel, cmap="RdBu", vmin=-limit, vmax=limit)
        column[1].imshow(feature_map, cmap="gray")
    for axis in axes.flat:
        axis.set_axis_off()
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main():
    """Train, report and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, default=Path("lenet.png"))
    options = parser.parse_args()
    convpool.set_num_threads(1)  # more would wait for each other longer than such layers take
    rng = np.random.default_rng(options.seed)
    training, held_out = digits(rng)
    parameters = new_parameters(rng)
    begin = time.perf_counter()
    train(parameters, *training, rng, options.epochs)
    print(f"trained in {time.perf_counter() - begin:.1f} s")
    print(f"held-out digits recognised: {100 * accuracy(parameters, *held_out):.1f} %")
    draw(parameters, held_out[0][0], options.output)
    print(f"kernels and feature maps: {options.output}")


if __name__ == "__main__":
    main()
