"""Open a project as QGIS does and draw it. Run by the Python that QGIS belongs to.

    python3 qgis_project.py FILE.qgz OUT.png

Prints as JSON what QGIS made of the project and of each layer, from the top, and how often each colour is drawn.
"""

import json
import sys

from qgis.core import QgsApplication, QgsMapRendererSequentialJob, QgsMapSettings, QgsProject
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor


def about(layer):
    return {
        "id": layer.id(),
        "name": layer.name(),
        "valid": layer.isValid(),
        "count": layer.featureCount(),
        "crs": layer.crs().authid(),
        "renderer": layer.renderer().type(),
        "levels": layer.renderer().usingSymbolLevels(),
        "labels": layer.labelsEnabled(),
        "titles": {field.name(): layer.attributeDisplayName(i) for i, field in enumerate(layer.fields())},
    }


def drawn(project, layers, out):
    view = QgsMapSettings()
    view.setLayers(layers)
    view.setOutputSize(QSize(1000, 800))
    view.setBackgroundColor(QColor("white"))
    view.setDestinationCrs(project.crs())
    view.setTransformContext(project.transformContext())
    view.setExtent(view.fullExtent())
    job = QgsMapRendererSequentialJob(view)
    job.start()
    job.waitForFinished()
    picture = job.renderedImage()
    picture.save(out)
    counts = {}
    for y in range(picture.height()):
        for x in range(picture.width()):
            colour = picture.pixelColor(x, y).name()
            counts[colour] = counts.get(colour, 0) + 1
    return counts


application = QgsApplication([], False)
application.initQgis()
opened = QgsProject.instance()
read = opened.read(sys.argv[1])
order = opened.layerTreeRoot().layerOrder()
found = {
    "read": read,
    "title": opened.title(),
    "crs": opened.crs().authid(),
    "layers": [about(one) for one in order],
    "colours": drawn(opened, order, sys.argv[2]),
}
sys.stdout.write(json.dumps(found))
